/** Answers of ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
import type { ListedObject } from "../../port/ObjectStore.ts"
import { elements, textOf } from "./Xml.ts"

/** 1,000 keys of 1,024 bytes, of which each may be written in three, and what is told of each beside. */
export const MOST_LIST_BYTES = 8 * 1024 * 1024

export interface Page {
  /** Names have the store's own prefix. */
  readonly objects: ReadonlyArray<ListedObject>
  readonly isLast: boolean
}

const decoded = (text: string): string | undefined => {
  try {
    // Some write a space as "+"; a "+" is %2B to all.
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return undefined
  }
}

const objectOf = (xml: string, isEncoded: boolean): ListedObject | undefined => {
  const key = textOf(xml, "Key")
  const size = textOf(xml, "Size")
  if (key === undefined || size === undefined || !/^\d{1,15}$/.test(size)) return undefined
  const name = isEncoded ? decoded(key) : key
  return name === undefined ? undefined : { name, bytes: Number(size) }
}

/** What a page says; undefined: it is none. */
export const pageOf = (xml: string): Page | undefined => {
  const truncated = textOf(xml, "IsTruncated")
  if (!xml.includes("<ListBucketResult") || (truncated !== "true" && truncated !== "false")) return undefined
  const isEncoded = textOf(xml, "EncodingType") === "url"
  const objects: Array<ListedObject> = []
  for (const element of elements(xml, "Contents")) {
    const object = objectOf(element, isEncoded)
    if (object === undefined) return undefined
    objects.push(object)
  }
  return { objects, isLast: truncated === "false" }
}
