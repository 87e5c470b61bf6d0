/** What clients name may hold a zero character, which Postgres' text cannot: written as two characters, and back. */
const NEEDS_ESCAPE = /[\0\x1a]/ // eslint-disable-line no-control-regex

export const escapeText = (text: string): string =>
  NEEDS_ESCAPE.test(text) ? text.replaceAll("\x1a", "\x1a1").replaceAll("\0", "\x1a0") : text

export const unescapeText = (text: string): string =>
  text.includes("\x1a") ? text.replaceAll("\x1a0", "\0").replaceAll("\x1a1", "\x1a") : text
