// What the user of a build did wrong: told in a line, with exit status 2.

export class UsageError extends Error {}
