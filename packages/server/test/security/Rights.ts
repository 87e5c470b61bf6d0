/** An authorizer that does as a test says, and notes what it is asked. */
import type { Authorizer } from "../../src/request/Authorizer.ts"
import type { Operation, ResourceType } from "../../src/request/Operations.ts"

/** `<operation> <resource type> <name>`. */
export type Asked = `${Operation} ${ResourceType} ${string}`

export class Rights implements Authorizer {
  readonly isOn = true
  /** Of those that are asked for aloud, in order. */
  readonly asked: Array<Asked> = []
  readonly askedQuietly: Array<Asked> = []
  #isAllowed: (asked: Asked) => boolean = () => true

  allow(isAllowed: (asked: Asked) => boolean): void {
    this.#isAllowed = isAllowed
    this.asked.length = 0
    this.askedQuietly.length = 0
  }

  /** These and no others. */
  only(...rights: ReadonlyArray<Asked>): void {
    this.allow((asked) => rights.includes(asked))
  }

  /** All but these. */
  without(...rights: ReadonlyArray<Asked>): void {
    this.allow((asked) => !rights.includes(asked))
  }

  readonly allows: Authorizer["allows"] = (_identity, _host, operation, resourceType, name) => {
    const asked: Asked = `${operation} ${resourceType} ${name}`
    this.asked.push(asked)
    return this.#isAllowed(asked)
  }

  readonly allowsQuietly: Authorizer["allows"] = (_identity, _host, operation, resourceType, name) => {
    const asked: Asked = `${operation} ${resourceType} ${name}`
    this.askedQuietly.push(asked)
    return this.#isAllowed(asked)
  }

  readonly allowsSomewhere: Authorizer["allowsSomewhere"] = (_identity, _host, operation, resourceType) => {
    const asked: Asked = `${operation} ${resourceType} *`
    this.askedQuietly.push(asked)
    return this.#isAllowed(asked)
  }
}
