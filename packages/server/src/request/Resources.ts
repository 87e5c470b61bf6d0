import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { GROUP_RESOURCE, TOPIC_RESOURCE } from "@tusk/storage/topics/Configs"

/** What a request names of what the cluster holds: for ACLs, metrics and log lines. What it does not name is left out. */
export interface Resources {
  readonly topics?: ReadonlyArray<string>
  /** Of topics that go by their ids. */
  readonly topicIds?: ReadonlyArray<string>
  readonly groups?: ReadonlyArray<string>
  readonly transactionalIds?: ReadonlyArray<string>
  /** It is about the cluster as such. */
  readonly cluster?: true
}

export const CLUSTER: Resources = { cluster: true }

/** Topics of which each goes by its name or by its id. */
export const topicsOf = (
  asked: ReadonlyArray<{ readonly name: string | null; readonly topicId: string }>
): Resources => {
  const topics: Array<string> = []
  const topicIds: Array<string> = []
  for (const { name, topicId } of asked) {
    if (topicId !== ZERO_UUID) topicIds.push(topicId)
    else if (name !== null) topics.push(name)
  }
  return { topics, topicIds }
}

export const namesOf = (asked: ReadonlyArray<{ readonly name: string }>): ReadonlyArray<string> =>
  asked.map(({ name }) => name)

/** Resources of configs: what is no topic and no group is the cluster's. */
export const configsOf = (
  asked: ReadonlyArray<{ readonly resourceType: number; readonly resourceName: string }>
): Resources => {
  const of = (type: number) =>
    asked.filter(({ resourceType }) => resourceType === type).map(({ resourceName }) => resourceName)
  const [topics, groups] = [of(TOPIC_RESOURCE), of(GROUP_RESOURCE)]
  return topics.length + groups.length < asked.length ? { topics, groups, cluster: true } : { topics, groups }
}
