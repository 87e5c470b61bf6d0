interface AnsweredTopic<Partition> {
  readonly partitions: ReadonlyArray<Partition>
}

/**
 * Topics of an answer in Apache Kafka's order: those with partitions that were refused before the group was asked come
 * first, and in each such partitions do.
 */
export const refusedFirst = <Partition, Topic extends AnsweredTopic<Partition>>(
  topics: ReadonlyArray<Topic>,
  isEarly: (topic: number, partition: number) => boolean
): ReadonlyArray<Topic> => {
  if (!topics.some(({ partitions }, i) => partitions.some((_, j) => isEarly(i, j)))) return topics
  const first: Array<Topic> = []
  const then: Array<Topic> = []
  topics.forEach((topic, i) => {
    const early = topic.partitions.filter((_, j) => isEarly(i, j))
    if (early.length === 0) then.push(topic)
    else if (early.length === topic.partitions.length) first.push(topic)
    else first.push({ ...topic, partitions: [...early, ...topic.partitions.filter((_, j) => !isEarly(i, j))] })
  })
  return [...first, ...then]
}
