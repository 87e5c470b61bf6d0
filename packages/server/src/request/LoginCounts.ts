/** What came of the logins of one listener by one mechanism. */
export class LoginCounts {
  readonly listener: string
  /** One that is enabled; "" before one was agreed on. */
  readonly mechanism: string
  /** That let a client in, or let it stay (KIP-368). */
  succeeded = 0
  failed = 0

  constructor(listener: string, mechanism: string) {
    this.listener = listener
    this.mechanism = mechanism
  }
}
