export const DAY_S = 86_400

/**
 * Objects are taken away that nobody needs, once they are old: a broker with these variables lives in the past, and makes them
 * so. Its monotonic clock, and `new Date()`, by which requests are signed, stay.
 */
export const earlier = (seconds: number): Readonly<Record<string, string>> => {
  const code = `const now = Date.now; Date.now = () => now() - ${seconds * 1000}`
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}` }
}
