import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { terminate } from "../../bench/kafka/Program.ts"

/** How long it may take until the next record comes. */
const PATIENCE_MS = 60_000

/** Reads a topic with Apache Kafka's own consumer, from its start on, until so many records came, or nothing does. */
export const readByJava = async (
  bootstrap: string,
  topic: string,
  expected: number
): Promise<{ readonly records: number; readonly wrong: ReadonlyArray<string> }> => {
  const { classpath } = await prepareJava()
  const { file, args } = javaCommand(classpath, "tusk.clients.JavaClient", [
    "consume",
    bootstrap,
    topic,
    `java-${Date.now()}`
  ])
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] })
  const last = new Map<number, number>()
  const wrong: Array<string> = []
  let records = 0
  let timer: ReturnType<typeof setTimeout>
  const patient = () => {
    clearTimeout(timer)
    timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS)
  }
  patient()
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("#")) continue
    const [partition, offset] = line.split("\t").map(Number)
    if (offset! <= (last.get(partition!) ?? -1)) wrong.push(line)
    last.set(partition!, offset!)
    patient()
    if (++records === expected) void terminate(child)
  }
  clearTimeout(timer!)
  return { records, wrong }
}
