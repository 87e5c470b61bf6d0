import { nearest } from "@tusk/protocol/nearest"
import * as Effect from "effect/Effect"
import { ObjectStoreRefused } from "../../port/ObjectStore.ts"

/** Where a store's objects lie: `s3://bucket/prefix?endpoint=https://host:port&region=…&path-style=true`. */
export interface S3Location {
  readonly bucket: string
  /** Stands before every name; empty, or ends with `/`. */
  readonly prefix: string
  /** What requests are signed for. */
  readonly region: string
  /** Where requests go to, without a path: `https://host:port`. */
  readonly origin: URL
  /** The bucket is the first part of the path; else it is part of the host's name. */
  readonly isPathStyle: boolean
}

const FORM = "s3://bucket/prefix?endpoint=https://host:port&region=name&path-style=true"
const PARAMETERS = ["endpoint", "region", "path-style"] as const
/** A key has 1,024 bytes, of which a name may take 512. */
const MOST_PREFIX = 500

/** Throws what is said of the URL; nothing of a secret in it is repeated. */
const refuse = (message: string): never => {
  throw new ObjectStoreRefused({ message: `the URL of the object store ${message}` })
}

const parameters = (query: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (!(PARAMETERS as ReadonlyArray<string>).includes(name)) {
      const meant = nearest(name, PARAMETERS)
      refuse(
        `has a parameter ${name}, which there is not: ${meant === undefined ? `it is of the form ${FORM}` : `${meant} was meant?`}`
      )
    }
    if (found.has(name)) refuse(`has ${name} twice`)
    found.set(name, value)
  }
  return found
}

const bucketOf = (authority: string): string => {
  if (authority.includes("@")) {
    refuse(
      "carries something before an @: keys are given by tusk.object.s3.access.key.id and tusk.object.s3.secret.access.key"
    )
  }
  if (authority === "") refuse(`names no bucket: it is of the form ${FORM}`)
  if (authority.includes(":")) refuse("has a port after the bucket: host and port of the store belong into endpoint=")
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(authority) || authority.includes("..")) {
    refuse(`names a bucket that cannot be, ${authority}: 3 to 63 lower-case letters, digits, "-" and "."`)
  }
  return authority
}

const prefixOf = (path: string): string => {
  const prefix = path.replace(/^\/|\/$/g, "")
  if (prefix === "") return ""
  if (prefix.length > MOST_PREFIX) refuse(`has a prefix of more than ${MOST_PREFIX} characters`)
  for (const part of prefix.split("/")) {
    if (!/^[A-Za-z0-9._-]+$/.test(part) || part === "." || part === "..") {
      refuse(`has a prefix that cannot be, ${prefix}: letters, digits, "-", "_" and ".", with "/" between`)
    }
  }
  return `${prefix}/`
}

const endpointOf = (text: string): URL => {
  const url = URL.canParse(text)
    ? new URL(text)
    : refuse("has an endpoint that is no URL: it looks like https://host:port")
  if (url.protocol !== "https:" && url.protocol !== "http:")
    refuse("has an endpoint that is neither https:// nor http://")
  if (url.username !== "" || url.password !== "")
    refuse("has an endpoint with something before an @: keys are settings")
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "")
    refuse("has an endpoint with more than host and port")
  return url
}

const regionOf = (given: string | undefined, hasEndpoint: boolean): string => {
  if (given === undefined)
    return hasEndpoint ? "us-east-1" : refuse("has neither region= nor endpoint=: one of them says where the bucket is")
  return /^[A-Za-z0-9-]{1,64}$/.test(given) ? given : refuse("has a region that cannot be: letters, digits and -")
}

const pathStyleOf = (given: string | undefined, otherwise: boolean): boolean => {
  if (given === undefined) return otherwise
  return given === "true" || (given === "false" ? false : refuse("has a path-style that is neither true nor false"))
}

const read = (text: string): S3Location => {
  const parts = /^s3:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/i.exec(text)
  if (parts === null) return refuse(`cannot be read: it is of the form ${FORM}`)
  if (parts[4] !== undefined) refuse("has a #, which means nothing there")
  const bucket = bucketOf(parts[1]!)
  const prefix = prefixOf(parts[2]!)
  const given = parameters(parts[3] ?? "")
  const endpoint = given.get("endpoint")
  const region = regionOf(given.get("region"), endpoint !== undefined)
  // A certificate for *.s3.… is none for a name with more dots.
  const isPathStyle = pathStyleOf(given.get("path-style"), endpoint !== undefined || bucket.includes("."))
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
  const host = endpoint === undefined ? new URL(`https://s3.${region}.${domain}`) : endpointOf(endpoint)
  const origin = isPathStyle ? host : new URL(`${host.protocol}//${bucket}.${host.host}`)
  return { bucket, prefix, region, origin, isPathStyle }
}

/** Reads the URL of a store. Fails with what is wrong with it. */
export const s3Location = (text: string): Effect.Effect<S3Location, ObjectStoreRefused> =>
  Effect.try({ try: () => read(text), catch: (error) => error as ObjectStoreRefused })

/** Name for people: `s3://bucket/prefix`. */
export const locationName = ({ bucket, prefix }: S3Location): string =>
  `s3://${bucket}${prefix === "" ? "" : `/${prefix.slice(0, -1)}`}`
