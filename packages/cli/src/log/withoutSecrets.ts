/** `scheme://user:password@`: what lies between the first colon and the last @ of the authority. */
const IN_URL = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s"']*@/gi
/** Of libpq's keywords, of a URL's query, of JSON, of JAAS. */
const NAMED = /\b(\w*(?:password|passwd|secret))(["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s&;,"']+)/gi

/** The text with `***` in the place of each password. */
export const withoutSecrets = (text: string): string =>
  text.replace(IN_URL, "$1:***@").replace(NAMED, (_, name: string, is: string) => `${name}${is}***`)
