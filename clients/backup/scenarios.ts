import { chownSync, mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { sleep } from "../../bench/groups/Report.ts"
import { DATABASE } from "../failover/Server.ts"
import type { Server } from "../failover/Server.ts"
import { until } from "../failover/World.ts"
import type { Scenario, World } from "../failover/World.ts"
import { backed, goesOnBehind, judgeRestored, keptIn } from "./Backup.ts"
import type { Backed, Restored } from "./Backup.ts"
import { program } from "./Programs.ts"

const owned = (world: World, path: string): string => {
  const { account } = world.installed
  if (account !== undefined) chownSync(path, account.uid, account.gid)
  return path
}

/** A folder of the run for what backups are kept in. */
const folderOf = (world: World, name: string): string => {
  const path = join(world.installed.root, name)
  mkdirSync(path, { recursive: true })
  return owned(world, path)
}

const dumpOf = async (world: World, server: Server): Promise<string> => {
  const file = join(folderOf(world, "dumps"), `${server.port}.dump`)
  await program(world.installed, "pg_dump", server, ["--format=custom", "--compress=1", `--file=${file}`, DATABASE])
  return file
}

const restore = (world: World, server: Server, file: string, database: string): Promise<void> =>
  program(world.installed, "pg_restore", server, ["--exit-on-error", `--dbname=${database}`, file])

const dump: Scenario = {
  name: "dump",
  what: "pg_dump under load; the server goes, and its dump is restored on another one",
  run: async (world) => {
    const all = await backed(world)
    const begunAt = Date.now()
    const file = await dumpOf(world, all.primary)
    const before = await goesOnBehind(all)
    await all.broker.kill()
    const lostAt = Date.now()
    await all.primary.kill()
    const server = await world.server("restored")
    await restore(world, server, file, DATABASE)
    const kept = await keptIn(server)
    all.database.switchTo(server.port)
    await all.broker.start()
    await judgeRestored(world, "dump", all, { server, begunAt, lostAt, before, kept })
  }
}

const dumpBeside: Scenario = {
  name: "dump-beside",
  what: "pg_dump under load; the dump is restored beside the original on the same server, and takes its place",
  run: async (world) => {
    const all = await backed(world)
    const { broker, primary: server } = all
    const begunAt = Date.now()
    const file = await dumpOf(world, server)
    const before = await goesOnBehind(all)
    await broker.kill()
    const lostAt = Date.now()
    await server.query("create database restored", "postgres")
    await restore(world, server, file, "restored")
    await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${DATABASE}'`,
      "postgres"
    )
    await server.query(`alter database ${DATABASE} rename to original`, "postgres")
    await server.query(`alter database restored rename to ${DATABASE}`, "postgres")
    const kept = await keptIn(server)
    await broker.start()
    await judgeRestored(world, "dump-beside", all, { server, begunAt, lostAt, before, kept })
  }
}

/** A base backup in a folder of its own, with the WAL that it needs. */
const baseBackup = async (world: World, server: Server): Promise<string> => {
  const copy = join(world.installed.root, `base-${server.port}`)
  await program(world.installed, "pg_basebackup", server, [
    `--pgdata=${copy}`,
    "--checkpoint=fast",
    "--wal-method=stream"
  ])
  return copy
}

const TARGET = "target"

/** Returns once the archive holds what was written up to now. */
const archived = async (server: Server): Promise<void> => {
  const [row] = await server.query("select pg_walfile_name(pg_switch_wal())")
  await until("the archive has it", 30_000, async () => {
    const [found] = await server.query(`select last_archived_wal >= '${row![0]}' from pg_stat_archiver`)
    return found![0] === "t"
  })
}

const pointInTime: Scenario = {
  name: "point-in-time",
  what: "a base backup with its archive of WAL under load; it is recovered up to a moment after the backup",
  run: async (world) => {
    const archive = folderOf(world, "archive")
    const all = await backed(world, { archive_mode: "on", archive_command: `cp %p ${archive}/%f` })
    const { primary } = all
    const copy = await baseBackup(world, primary)
    await sleep(1500)
    const begunAt = Date.now()
    await primary.query(`select pg_create_restore_point('${TARGET}')`)
    const before = await goesOnBehind(all)
    await archived(primary)
    await all.broker.kill()
    const lostAt = Date.now()
    await primary.kill()
    const server = await world.restored("recovered", (folder) => {
      renameSync(copy, folder)
      writeFileSync(join(folder, "recovery.signal"), "")
      owned(world, join(folder, "recovery.signal"))
      return {
        archive_mode: "off",
        restore_command: `cp ${archive}/%f %p`,
        recovery_target_name: TARGET,
        recovery_target_action: "promote"
      }
    })
    const kept = await keptIn(server)
    all.database.switchTo(server.port)
    await all.broker.start()
    await judgeRestored(world, "point-in-time", all, { server, begunAt, lostAt, before, kept })
  }
}

/** A copy of the disk as it was: Postgres itself does not know that time went on without it. */
const copyOf = async (world: World, all: Backed, meanwhile: () => Promise<void>): Promise<Restored> => {
  const { primary } = all
  const begunAt = Date.now()
  const copy = await baseBackup(world, primary)
  const before = await goesOnBehind(all)
  await meanwhile()
  const lostAt = Date.now()
  await primary.kill()
  const server = await world.restored("copy", (folder) => {
    renameSync(copy, folder)
    return {}
  })
  return { server, begunAt, lostAt, before, kept: await keptIn(server) }
}

const copySaid: Scenario = {
  name: "copy",
  what: "a copy of the disk takes the server's place, as a snapshot does, and a person says so",
  run: async (world) => {
    const all = await backed(world)
    const restored = await copyOf(world, all, () => all.broker.kill())
    await restored.server.query("update kafka.cluster set timeline = 'restored'")
    all.database.switchTo(restored.server.port)
    await all.broker.start()
    await judgeRestored(world, "copy", all, restored)
  }
}

const setBack: Scenario = {
  name: "set-back",
  what: "a copy of the disk takes the server's place under a broker that runs, and nobody says so",
  run: async (world) => {
    const all = await backed(world)
    const restored = await copyOf(world, all, () => Promise.resolve())
    all.database.switchTo(restored.server.port)
    await judgeRestored(world, "set-back", all, { ...restored, remembered: true })
  }
}

/** In the order of a run. */
export const scenarios: ReadonlyArray<Scenario> = [dump, dumpBeside, pointInTime, copySaid, setBack]
