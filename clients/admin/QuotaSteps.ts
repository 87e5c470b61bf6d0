const of = (type: string, name: string, ...args: ReadonlyArray<string>) => [
  "--entity-type",
  type,
  ...(name === "" ? ["--entity-default"] : ["--entity-name", name]),
  ...args
]
const set = (config: string) => ["--alter", "--add-config", config]
const unset = (config: string) => ["--alter", "--delete-config", config]
const ofClient = (...args: ReadonlyArray<string>) => of("clients", "a", ...args)
const ofBoth = (...args: ReadonlyArray<string>) => [...of("users", "ann"), ...of("clients", "a"), ...args]

/** `kafka-configs` on quotas of users, clients and addresses; what they set is taken away again. */
export const QUOTA_LINES: ReadonlyArray<ReadonlyArray<string>> = [
  ofClient(...set("producer_byte_rate=1024")),
  ofClient("--describe"),
  ofClient(...set("producer_byte_rate=0")),
  ofClient(...set("producer_byte_rate=0.5")),
  ofClient(...set("connection_creation_rate=5")),
  ofClient(...set("nope=5")),
  ofClient(...set("producer_byte_rate=fast")),
  of("users", "ann", ...set("producer_byte_rate=1024,consumer_byte_rate=2048,request_percentage=0.5")),
  of("users", "ann", ...set("controller_mutation_rate=1.5")),
  of("users", "ann", "--describe"),
  of("users", "", ...set("consumer_byte_rate=4096")),
  of("users", "", "--describe"),
  of("clients", "", ...set("request_percentage=200")),
  of("clients", "", "--describe"),
  ofBoth(...set("producer_byte_rate=77")),
  ofBoth("--describe"),
  [...of("users", ""), ...of("clients", ""), ...set("producer_byte_rate=78")],
  [...of("users", ""), ...of("clients", ""), "--describe"],
  [...of("users", "ann"), "--entity-type", "clients", "--describe"],
  [...of("users", "ann"), ...of("clients", ""), ...set("producer_byte_rate=79")],
  of("ips", "127.0.0.1", ...set("connection_creation_rate=2000")),
  of("ips", "127.0.0.1", "--describe"),
  of("ips", "", ...set("connection_creation_rate=3000")),
  of("ips", "", "--describe"),
  of("ips", "127.0.0.1", ...set("producer_byte_rate=5")),
  of("ips", "127.0.0.1", ...set("connection_creation_rate=0")),
  ["--describe", "--entity-type", "ips"],
  ["--describe", "--entity-type", "clients"],
  ["--describe", "--entity-type", "users"],
  ["--describe", "--entity-type", "users", "--entity-type", "clients"],
  ofBoth(...unset("producer_byte_rate")),
  [...of("users", ""), ...of("clients", ""), ...unset("producer_byte_rate")],
  [...of("users", "ann"), ...of("clients", ""), ...unset("producer_byte_rate")],
  of("users", "ann", ...unset("producer_byte_rate,consumer_byte_rate,request_percentage,controller_mutation_rate")),
  of("users", "", ...unset("consumer_byte_rate")),
  of("clients", "", ...unset("request_percentage")),
  of("ips", "127.0.0.1", ...unset("connection_creation_rate")),
  of("ips", "", ...unset("connection_creation_rate")),
  ofClient(...unset("producer_byte_rate")),
  ofClient(...unset("consumer_byte_rate")),
  ["--entity-type", "clients", "--describe"],
  ["--entity-type", "users", "--describe"],
  ["--entity-type", "ips", "--describe"]
]
