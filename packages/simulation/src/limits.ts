/** `request.timeout.ms` of the brokers. */
export const REQUEST_TIMEOUT_MS = 6000
