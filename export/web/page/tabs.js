// The panels, one of which is shown: by pointer, by arrow keys, and by the address's #.

const tabs = [...document.querySelectorAll("[role=tab]")];

/**
 * Calls `shown` with the panel's id, now and whenever another is chosen.
 *
 * @param usual the panel that is shown where the address names none
 */
export function watchTabs(shown, usual) {
  const choose = (tab, { focus = false } = {}) => {
    for (const other of tabs) {
      other.ariaSelected = String(other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      panelOf(other).hidden = other !== tab;
    }
    if (focus) tab.focus();
    // Where they are wider than the screen.
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    shown(panelOf(tab).id);
  };
  const tabOf = (id) => tabs.find((tab) => panelOf(tab).id === id);
  const byAddress = () => choose(tabOf(location.hash.slice(1)) ?? tabOf(usual));
  const go = (tab, options) => {
    history.replaceState(null, "", `#${panelOf(tab).id}`);
    choose(tab, options);
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => go(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const places = { ArrowRight: index + 1, ArrowLeft: index - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
      if (key in places) go(tabs[places[key] % tabs.length], { focus: true });
    });
  }
  addEventListener("hashchange", byAddress);
  byAddress();
}

function panelOf(tab) {
  return document.getElementById(tab.getAttribute("aria-controls"));
}
