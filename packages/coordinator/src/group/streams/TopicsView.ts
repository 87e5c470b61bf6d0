/** Which topics there are, as the broker knows at this moment. */
export interface TopicsView {
  /** Rises with each change. */
  readonly version: () => number
  readonly find: (name: string) => { readonly topicId: string; readonly partitions: number } | undefined
}
