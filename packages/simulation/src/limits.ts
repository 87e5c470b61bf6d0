/** Settings of the simulated brokers that model clients and histories reckon with. */

/** `request.timeout.ms`. */
export const REQUEST_TIMEOUT_MS = 6000
/** `group.consumer.session.timeout.ms`. */
export const CONSUMER_SESSION_MS = 6000
/** `group.share.session.timeout.ms`. */
export const SHARE_SESSION_MS = 6000
/** `group.share.record.lock.duration.ms`. */
export const SHARE_LOCK_MS = 4000
/** `group.share.delivery.count.limit`. */
export const SHARE_DELIVERIES = 5
/** `connections.max.reauth.ms`. */
export const REAUTHENTICATION_MS = 4000
/** Who may log in. */
export const USERS = ["alice", "bob"]
export const passwordOf = (user: string): string => `${user}-secret`
