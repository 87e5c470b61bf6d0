/** A draft's collections are copied at the first change, so that the state it began with stays whole. */
export const ownMap = <K, V>(mine: ReadonlyMap<K, V>, from: ReadonlyMap<K, V>): Map<K, V> =>
  mine === from ? new Map(mine) : (mine as Map<K, V>)

export const ownSet = <A>(mine: ReadonlySet<A>, from: ReadonlySet<A>): Set<A> =>
  mine === from ? new Set(mine) : (mine as Set<A>)
