/** Users that stand in a setting, in the words of JAAS: `…PlainLoginModule required user_alice="secret";` */

const OPTION = /\s*([A-Za-z0-9_.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))/y
const HEAD = /^\s*([\w.$]+)\s+(required|requisite|sufficient|optional)(?=\s|;)/i
const USER = "user_"

/** Names and passwords; of another module than PLAIN's none. A text says what is wrong, without repeating any of it. */
export const jaasUsers = (text: string): ReadonlyMap<string, string> | string => {
  const head = HEAD.exec(text)
  if (head === null) return "it does not begin with a login module and `required`"
  const isPlain = head[1]!.endsWith("PlainLoginModule")
  const users = new Map<string, string>()
  OPTION.lastIndex = head[0].length
  let end = OPTION.lastIndex
  for (let option = OPTION.exec(text); option !== null; option = OPTION.exec(text)) {
    end = OPTION.lastIndex
    const name = option[1]!
    const quoted = option[2] ?? option[3]
    if (isPlain && name.startsWith(USER))
      users.set(name.slice(USER.length), quoted?.replace(/\\(.)/gs, "$1") ?? option[4]!)
  }
  return /^\s*;\s*$/.test(text.slice(end))
    ? users
    : 'an option is not NAME="VALUE", or the semicolon at the end is missing'
}
