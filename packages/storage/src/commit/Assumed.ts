/**
 * What commits under way will make of a map: decisions look here, readers do not. Each change is taken back by its own
 * `undo`, the last first; once it is stored, its place holds for no other change.
 */
export interface Assumed<K, V> {
  /** The value as this commit will have it; undefined if nothing is under way for the key. */
  readonly get: (key: K) => { readonly value: V } | undefined
  readonly set: (key: K, value: V) => Change
  readonly clear: () => void
}

export interface Change {
  readonly undo: () => void
  /** It is stored: decisions read it where readers do, unless a later change is under way. */
  readonly done: () => void
}

export const NO_CHANGE: Change = { undo: () => {}, done: () => {} }

export const makeAssumed = <K, V>(): Assumed<K, V> => {
  const changes = new Map<K, { readonly value: V }>()
  return {
    get: (key) => changes.get(key),
    set: (key, value) => {
      const before = changes.get(key)
      const change = { value }
      changes.set(key, change)
      let open = true
      return {
        undo: () => {
          if (!open) return
          open = false
          if (before === undefined) changes.delete(key)
          else changes.set(key, before)
        },
        done: () => {
          if (!open) return
          open = false
          if (changes.get(key) === change) changes.delete(key)
        }
      }
    },
    clear: () => changes.clear()
  }
}
