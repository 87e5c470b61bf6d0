import { handlers } from "./index.ts"

/** Kafka's names of the APIs that are served. */
export const servedApis: ReadonlyArray<string> = handlers.map(({ api }) => api.name)

/** What is served, as a table for people, made from the handlers' list. */
export const apiTable = (): string => {
  const rows = [...handlers]
    .sort((a, b) => a.api.key - b.api.key)
    .map(({ api, versions: [min, max] }) => `| ${api.key} | ${api.name} | ${min === max ? min : `${min}-${max}`} |`)
  return ["| key | API | versions |", "|---|---|---|", ...rows].join("\n")
}
