/** The key of a record, where keys may be erased: the last digit of its value. */
export const keyOf = (value: string): string => value.slice(-1)
