/** A disk of a scenario's own: ext4 in a file, by a loop device. Its file is what the disk holds if the machine crashes. */
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { mkdir, rm, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { run, runOk } from "../../bench/kafka/Program.ts"

const BYTES = 2 ** 30
const TRIES = 20

const sized = async (file: string): Promise<void> => {
  await writeFile(file, "")
  await truncate(file, BYTES)
}

/** The device that is mounted there. */
const deviceAt = (path: string): string => {
  const line = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .find((each) => each.split(" ")[1] === path)
  if (line === undefined) throw new Error(`nothing is mounted at ${path}`)
  return line.split(" ")[0]!.replace("/dev/", "")
}

/** What a device was given to write and to flush so far; undefined: some of it is under way. */
const writtenTo = (device: string): string | undefined => {
  const fields = readFileSync(`/sys/block/${device}/stat`, "utf8").trim().split(/\s+/)
  const [writes, sectors, inFlight, flushes] = [fields[4], fields[6], fields[8], fields[15]]
  return inFlight === "0" ? `${writes} ${sectors} ${flushes}` : undefined
}

const mount = (image: string, path: string) => runOk("mount", ["-o", "loop", image, path])

export class LoopDisk {
  /** Where it is mounted. */
  readonly path: string
  readonly #folder: string
  #images = 0

  private constructor(folder: string) {
    this.#folder = folder
    this.path = join(folder, "disk")
  }

  /** A string says why there can be none. */
  static async make(folder: string): Promise<LoopDisk | string> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return "loop devices need root on Linux"
    const disk = new LoopDisk(folder)
    mkdirSync(disk.path, { recursive: true })
    await sized(disk.#image)
    // Nothing is left for the kernel to do later on its own.
    const options = ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]
    const steps = [
      ["mkfs.ext4", ...options, disk.#image],
      ["mount", "-o", "loop", disk.#image, disk.path]
    ]
    for (const [program, ...args] of steps) {
      const { code, stderr } = await run(program!, args).catch((error: Error) => ({ code: -1, stderr: error.message }))
      if (code !== 0) return `${program}: ${stderr.trim()}`
    }
    return disk
  }

  get #image(): string {
    return join(this.#folder, `disk-${this.#images}.img`)
  }

  /**
   * Copies what the disk has as of one moment: nobody may write to it. What its file system still keeps in memory is not in it.
   * Returns where the copy is mounted, after ext4 has recovered it.
   */
  async crashed(): Promise<string> {
    const [image, path] = [join(this.#folder, "crashed.img"), join(this.#folder, "crashed")]
    const device = deviceAt(this.path)
    for (let left = TRIES; ; left--) {
      const before = writtenTo(device)
      await runOk("cp", ["--sparse=always", this.#image, image])
      // ext4 writes by itself, too, every few seconds: such a copy would be of several moments.
      if (before !== undefined && writtenTo(device) === before) break
      if (left === 0) throw new Error(`${device} is written to all the time`)
    }
    await mkdir(path, { recursive: true })
    await mount(image, path)
    return path
  }

  /** The crashed copy is in its place from now on. Nobody may use either. */
  async becomesCrashed(): Promise<void> {
    const [image, path] = [join(this.#folder, "crashed.img"), join(this.#folder, "crashed")]
    await runOk("umount", [path])
    await runOk("umount", [this.path])
    await rm(this.#image)
    this.#images++
    await runOk("mv", [image, this.#image])
    await mount(this.#image, this.path)
  }

  async stop(): Promise<void> {
    for (const path of [join(this.#folder, "crashed"), this.path]) await run("umount", [path])
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
