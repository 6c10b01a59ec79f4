// Drawings to start from: paths in a square of 512, one over the other, and dabs of colors for them.

import { INK, PAPER } from "./strokes.js";

const LINE = 12;
const DAB = 44;

/**
 * Of a path: its line's `width`; `fill` makes it a black shape; `solid` hides what lies behind it.
 * Of a dab: [color, path, width].
 */
export const SAMPLES = [
  {
    name: "Woman",
    lines: [
      {
        path:
          "M134 396C84 352 92 268 104 214C118 118 182 58 268 60C362 62 424 128 420 222C418 290 436 352 394 400" +
          "C340 420 190 424 134 396z",
        solid: true,
      },
      { path: "M210 330V398Q260 446 314 398V330z", solid: true },
      { path: "M30 530C34 448 96 408 202 390Q258 456 322 390C424 408 480 448 486 530z", solid: true },
      { path: "M112 530Q116 492 108 470M402 530Q398 492 408 470" },
      // The face, up to the fringe.
      {
        path: "M160 212C214 214 286 196 322 144C340 170 356 196 360 226C358 310 334 372 262 372C186 368 160 290 160 212z",
        solid: true,
      },
      { path: "M322 144Q344 138 356 124", width: 10 },
      { path: "M232 234a11 14 0 1 0 .1 0zM316 234a11 14 0 1 0 .1 0z", fill: true },
      { path: "M300 206Q318 192 338 206", width: 10 },
      { path: "M278 250Q294 274 274 280", width: 10 },
      { path: "M240 310Q272 340 306 310" },
    ],
    dabs: [
      ["#ffcfa8", "M196 282L206 292M332 288L324 298M262 392L264 406"],
      ["#8a4b2a", "M130 320L126 250M392 330L396 270M180 164L280 116"],
      ["#3fa7d6", "M150 460L240 480L370 460"],
    ],
  },
  {
    name: "Man",
    lines: [
      { path: "M190 300V412Q250 456 314 412V310z", solid: true },
      { path: "M24 530C30 450 92 416 184 400Q252 462 320 400C414 416 478 450 484 530z", solid: true },
      { path: "M184 400Q170 424 184 440Q252 486 320 440Q334 424 320 400" },
      { path: "M146 250C110 226 100 306 152 300z", solid: true },
      { path: "M146 170C140 300 158 380 252 384C344 386 364 296 360 170z", solid: true },
      // Beard, with the mouth in it.
      {
        path:
          "M148 262C150 344 176 398 256 400C334 400 360 340 360 262C348 292 326 292 306 284Q270 272 236 284" +
          "C202 296 168 300 148 262z",
        solid: true,
      },
      { path: "M232 316Q264 336 296 314Q266 362 232 316z" },
      { path: "M208 204a38 36 0 1 0 .1 0zM310 204a38 36 0 1 0 .1 0zM246 238Q260 228 272 238M170 232L148 224", width: 10 },
      { path: "M214 228a10 13 0 1 0 .1 0zM306 228a10 13 0 1 0 .1 0z", fill: true },
      { path: "M264 226Q282 252 258 258", width: 10 },
      // A woollen hat.
      { path: "M130 164C126 70 196 36 254 36C318 36 382 70 376 164z", solid: true },
      { path: "M128 134Q252 108 380 134Q396 158 382 190Q252 160 126 190Q112 158 128 134z", solid: true },
      { path: "M254 14a21 20 0 1 0 .1 0z", solid: true },
    ],
    dabs: [
      ["#c68642", "M180 268L168 276M334 268L342 274M131 274h.1M226 424L276 424", 20],
      ["#4a2c1f", "M196 340L226 372M322 336L300 372"],
      ["#f2b134", "M170 110L206 74L290 72M254 34h.1"],
      ["#e03e36", "M160 156L250 140L340 154"],
      ["#4c9f70", "M100 480L180 492M340 490L410 478"],
    ],
  },
  {
    name: "Cat",
    lines: [
      { path: "M340 474C500 474 500 330 448 322Q420 322 428 350C450 380 440 424 340 418", solid: true },
      { path: "M150 486C130 380 170 300 256 300C342 300 382 380 362 486z", solid: true },
      { path: "M222 486V420M290 486V420" },
      { path: "M94 70Q98 52 116 62L196 108Q256 92 316 108L396 62Q414 52 418 70L426 230C426 316 346 352 256 352" +
          "C166 352 86 316 86 230z", solid: true },
      { path: "M122 104L126 164L170 124zM390 104L386 164L342 124z", width: 10 },
      { path: "M182 190a17 24 0 1 0 .1 0zM330 190a17 24 0 1 0 .1 0z", fill: true },
      { path: "M236 258H276L256 280z", fill: true },
      { path: "M256 280Q246 310 210 300M256 280Q266 310 302 300", width: 10 },
      { path: "M36 236L120 252M40 300L122 284M476 236L392 252M472 300L390 284", width: 8 },
    ],
    dabs: [
      ["#f08c2e", "M140 220L140 270M370 220L374 270M230 140L290 140M256 330h.1M200 380L310 380M460 370h.1"],
      ["#f7a8b8", "M138 134h.1M374 134h.1"],
    ],
  },
  {
    name: "Cup",
    lines: [
      { path: "M352 210C470 190 480 350 330 366L338 318C410 312 410 246 350 258z", solid: true },
      { path: "M90 180H366C370 300 352 400 300 420H156C104 400 86 300 90 180z", solid: true },
      { path: "M90 180a138 34 0 0 0 276 0a138 34 0 0 0 -276 0z", solid: true },
      { path: "M40 430Q228 398 416 430Q398 480 228 480Q58 480 40 430z", solid: true },
      { path: "M228 262C196 226 150 262 228 322C306 262 260 226 228 262z" },
      { path: "M166 112Q140 88 166 60Q188 38 170 14M232 112Q206 88 232 60Q254 38 236 14M298 112Q272 88 298 60" +
          "Q320 38 302 14", width: 10 },
    ],
    dabs: [
      ["#3fa7d6", "M130 260L140 330M320 270L310 340M424 286h.1"],
      ["#8a4b2a", "M170 184L290 186"],
      ["#e03e36", "M216 278L232 292"],
      ["#f2b134", "M100 446L230 456L350 446"],
    ],
  },
  {
    name: "House",
    lines: [
      { path: "M350 180V70H406V220z", solid: true },
      { path: "M96 240V470H416V240L256 96z", solid: true },
      { path: "M256 52L486 250Q470 284 446 270L256 112L66 270Q42 284 26 250z", solid: true },
      { path: "M216 470V344Q256 306 296 344V470z", solid: true },
      { path: "M278 408a8 8 0 1 0 .1 0z", fill: true },
      { path: "M130 296H190V356H130zM160 296V356M130 326H190M322 296H382V356H322zM352 296V356M322 326H382", width: 10 },
      { path: "M256 182a32 32 0 1 0 .1 0z" },
      { path: "M14 470H498" },
      { path: "M26 470C18 420 56 396 78 430C100 420 112 450 104 470M420 470C410 426 448 414 460 438C490 428 500 452 494 470", solid: true },
    ],
    dabs: [
      ["#e03e36", "M120 190L180 136M330 134L400 194M378 120h.1"],
      ["#ffe08a", "M140 430L190 400M330 420L380 400M200 250L310 260"],
      ["#8a4b2a", "M250 380L244 440"],
      ["#9ad4f0", "M144 310h.1M174 342h.1M336 310h.1M368 342h.1M256 214h.1"],
      ["#4c9f70", "M56 446h.1M452 456h.1"],
    ],
  },
  {
    name: "Fish",
    lines: [
      { path: "M366 256C420 200 450 150 486 154Q504 190 468 256Q504 330 486 366C450 364 420 320 366 268z", solid: true },
      { path: "M190 160C210 90 280 70 330 96Q316 130 330 182z", solid: true },
      { path: "M200 360C220 420 270 430 304 414Q290 386 302 350z", solid: true },
      { path: "M24 262C60 160 160 128 250 146C330 162 370 210 404 262C366 330 310 380 222 384C130 386 56 346 24 262z", solid: true },
      { path: "M150 166Q204 262 146 366M232 200Q282 262 232 324M306 216Q338 262 306 306" },
      { path: "M100 216a20 20 0 1 0 .1 0z" },
      { path: "M102 228a8 9 0 1 0 .1 0z", fill: true },
      { path: "M34 290Q66 300 86 282", width: 10 },
    ],
    dabs: [
      ["#f08c2e", "M212 200L220 300M290 230L300 290M352 250h.1"],
      ["#ffd84d", "M130 290L100 320M130 210h.1"],
      ["#e03e36", "M440 220L450 290M270 120h.1M254 396h.1"],
    ],
  },
  {
    name: "Flower",
    lines: [
      { path: "M256 300Q268 400 252 500", width: 16 },
      { path: "M258 440C300 380 370 372 408 392C390 450 320 470 256 462z", solid: true },
      { path: "M256 470C220 410 150 410 112 434C140 484 200 494 254 488z", solid: true },
      { path: "M256 60A58 58 0 0 1 354 108A58 58 0 0 1 376 214A58 58 0 0 1 308 298A58 58 0 0 1 204 298" +
          "A58 58 0 0 1 136 214A58 58 0 0 1 158 108A58 58 0 0 1 256 60z", solid: true },
      { path: "M256 130a56 56 0 1 0 .1 0z", solid: true },
      { path: "M234 176a7 9 0 1 0 .1 0zM278 176a7 9 0 1 0 .1 0z", fill: true },
      { path: "M234 204Q256 224 278 204", width: 9 },
    ],
    dabs: [
      ["#e85d9a", "M200 90L190 110M318 90L330 110M170 230h.1M346 230h.1M256 290h.1M230 270h.1"],
      ["#ffd84d", "M256 160h.1"],
      ["#4c9f70", "M300 420L350 406M160 446L200 460"],
    ],
  },
  {
    name: "Mushroom",
    lines: [
      { path: "M184 290C196 370 170 410 160 446Q160 488 210 488H302Q352 488 352 446C342 410 316 370 328 290z", solid: true },
      { path: "M36 288C36 140 136 46 256 46S476 140 476 288Q474 312 446 312H66Q38 312 36 288z", solid: true },
      { path: "M170 132a44 44 0 1 0 .1 0zM330 96a36 36 0 1 0 .1 0zM352 208a34 34 0 1 0 .1 0zM244 226a26 26 0 1 0 .1 0z" +
          "M98 232a26 26 0 1 0 .1 0z" },
      { path: "M60 470Q80 440 74 410M98 486Q104 456 124 440M414 486Q410 452 392 436M446 474Q440 440 460 416" },
    ],
    dabs: [
      ["#e03e36", "M256 110L250 180M150 268L200 286M420 220L420 280M80 190h.1"],
      ["#f5e0bd", "M256 380L240 440"],
    ],
  },
];

/** The strokes of a sample's lines, `bold` times as wide, and of its dabs. */
export function strokesOf({ lines, dabs }, bold = 1) {
  return {
    lines: lines.flatMap(({ path, width = LINE, fill = false, solid = false }) => {
      const shape = new Path2D(path);
      const line = { path: shape, width: width * bold, fill, marks: { lines: INK } };
      return solid ? [{ path: shape, fill: true, marks: { lines: PAPER } }, line] : [line];
    }),
    dabs: dabs.map(([color, path, width = DAB]) => ({ path: new Path2D(path), width, marks: { dabs: color } })),
  };
}
