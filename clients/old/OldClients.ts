import type { CodecName } from "@tusk/protocol/record/Compression"
import { join } from "node:path"
import { javaCommand, javaMissing, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { run } from "../../bench/kafka/Program.ts"
import type { Command } from "../Client.ts"
import { here, missing, prepareGo, preparePython, pythonMissing } from "../Preparing.ts"

/** One run of an old client's program, by the arguments of its command line (clients/README.md). */
export type CommandOf = (args: ReadonlyArray<string>) => Command

export interface OldClient {
  readonly name: string
  readonly writes: ReadonlyArray<CodecName>
  readonly reads: ReadonlyArray<CodecName>
  /** A string says why it cannot be had on this machine. */
  readonly prepare: () => Promise<CommandOf | string>
}

const beforeZstd: ReadonlyArray<CodecName> = ["none", "gzip", "snappy", "lz4"]
const all: ReadonlyArray<CodecName> = [...beforeZstd, "zstd"]

const python = async (folder: string): Promise<CommandOf> => {
  const file = await preparePython(join("old", folder))
  return (args) => ({ file, args: [here("old", folder, "client.py"), ...args] })
}

/** It imports `six.moves` in a way that Python took back in 3.12. */
const tooNew = async (): Promise<string | undefined> => {
  const { code } = await run("python3", ["-c", "import sys; sys.exit(sys.version_info >= (3, 12))"])
  return code === 0 ? undefined : "needs a Python before 3.12"
}

const kafkaPython: OldClient = {
  name: "kafka-python 2.0.2",
  writes: all,
  reads: all,
  prepare: async () => (await pythonMissing()) ?? (await tooNew()) ?? python("kafka-python")
}

const aiokafka: OldClient = {
  name: "aiokafka 0.12",
  writes: all,
  reads: all,
  prepare: async () => (await pythonMissing()) ?? python("aiokafka")
}

const sarama: OldClient = {
  name: "sarama as of 1.0",
  // It refuses to write zstd to a broker before 2.1, but reads it.
  writes: beforeZstd,
  reads: all,
  prepare: async () => {
    const absent = await missing("go", "version")
    if (absent !== undefined) return absent
    const file = await prepareGo(join("old", "sarama"))
    return (args) => ({ file, args })
  }
}

const java = (version: string, codecs: ReadonlyArray<CodecName>): OldClient => ({
  name: `Apache Kafka (Java) ${version}`,
  writes: codecs,
  reads: codecs,
  prepare: async () => {
    const absent = await javaMissing()
    if (absent !== undefined) return absent
    const { classpath } = await prepareJava(join("old", "java"), version)
    return (args) => javaCommand(classpath, "tusk.clients.old.OldJavaClient", args)
  }
})

/** All old clients, in the order of the table. */
export const oldClients: ReadonlyArray<OldClient> = [
  kafkaPython,
  aiokafka,
  sarama,
  java("0.11.0.3", beforeZstd),
  java("2.1.1", all)
]
