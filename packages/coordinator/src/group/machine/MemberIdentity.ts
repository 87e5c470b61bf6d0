/** A member as requests name it. */
export interface MemberIdentity {
  readonly memberId: string
  /** `group.instance.id` of a static member (KIP-345). */
  readonly groupInstanceId: string | null
}
