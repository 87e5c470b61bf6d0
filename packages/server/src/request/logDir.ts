import type { Store } from "@tusk/storage/port/Store"

/** The one directory that this broker tells of: it stands for the store. */
export const logDirOf = (store: Store["Service"]): string => `/${store.name}`
