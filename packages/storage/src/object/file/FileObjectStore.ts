import * as fs from "node:fs"
import { totalmem } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { pathToFileURL } from "node:url"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { ofObject } from "../../port/ObjectName.ts"
import { ObjectExists, ObjectMissing, ObjectStoreRefused } from "../../port/ObjectStore.ts"
import type { GrowingObject, ObjectStore, ObjectStoreError } from "../../port/ObjectStore.ts"
import { randomUuid } from "../../port/Uuid.ts"
import { asked, carriedOut, closeLater, detached, readAll, readHere, sizeOf, told, unless, writeAll } from "./disk.ts"
import { Calls } from "./Calls.ts"
import type { DiskError } from "./Calls.ts"
import { Folders, removeEmpty } from "./Folders.ts"
import { Handles } from "./Handles.ts"
import { listed } from "./listing.ts"
import { NearBytes } from "./NearBytes.ts"
import { placeOf } from "./place.ts"
import { readState, removeStates, replaceState } from "./tagged.ts"

/** Where a store of files is. */
export interface FileObjectOptions {
  /** The folder that holds all of it: a whole path. */
  readonly path: string
  /** Objects whose files stay open, for who reads on. */
  readonly maxOpen?: number
  /** Bytes used last that the operating system is taken to have in memory; an eighth of what this process may use by default. */
  readonly nearBytes?: number
}

const NEAR_PART = 8
/** A read of memory takes less, whatever its size: what takes longer was not there. */
const NEAR_MS = 4

/**
 * Calls at a time that read: a write and a flush beside them, and the threads of the process are not all this disk's. With fewer
 * than who reads, each call costs a third more.
 */
const READS = Math.max(3, (Number(process.env["UV_THREADPOOL_SIZE"]) || 4) - 4)

/** A folder may be removed, as it is empty, while something is put into it; so often at most. */
const TRIES = 20

interface Disk {
  readonly root: string
  readonly name: string
  readonly folders: Folders
  readonly handles: Handles
  readonly calls: Calls
  readonly near: NearBytes
}

/** Where a write may return when its bytes would outlive the machine: one call, in the place of a write and a flush. */
const IS_THROUGH = process.platform === "linux"
const NEW = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | (IS_THROUGH ? fs.constants.O_DSYNC : 0)

/** Writes what lasts then. */
const writeThrough = (fd: number, chunks: ReadonlyArray<Uint8Array>, at: number): Effect.Effect<void, DiskError> =>
  IS_THROUGH
    ? writeAll(fd, chunks, at)
    : Effect.andThen(
        writeAll(fd, chunks, at),
        carriedOut((done) => fs.fdatasync(fd, done))
      )

/** A new file, in a folder that lasts. */
const create = (disk: Disk, folder: string, path: string, triesLeft = TRIES): Effect.Effect<number, DiskError> =>
  disk.folders.ensure(folder, disk.root).pipe(
    Effect.andThen(asked<number>((done) => fs.open(path, NEW, done))),
    Effect.catch((error) => {
      if (error.code !== "ENOENT" || triesLeft === 0) return Effect.fail(error)
      disk.folders.forgetUpTo(disk.root, folder)
      return create(disk, folder, path, triesLeft - 1)
    })
  )

/**
 * What was begun is taken back, as far as the disk lets it. It has not happened in any case: who tried again would take what is
 * left, and may not last, for whole.
 */
const undone = (disk: Disk, path: string, fd: number) => (error: DiskError) => {
  closeLater(fd)
  const refused = Effect.fail(told(disk.name, false)(error))
  return Effect.matchEffect(
    carriedOut((done) => fs.unlink(path, done)),
    { onSuccess: () => refused, onFailure: () => refused }
  )
}

/** A new file of this name, which is filled, and lasts then; the name is flushed meanwhile. */
const begin = (
  disk: Disk,
  name: string,
  filling: (fd: number) => Effect.Effect<void, DiskError>
): Effect.Effect<number, ObjectExists | ObjectStoreError> => {
  const place = placeOf(name)
  const folder = join(disk.root, place.folder)
  const path = join(folder, place.file)
  const filled = (fd: number) =>
    // A file is not closed while it is written: both are waited for.
    Effect.all([Effect.exit(filling(fd)), Effect.exit(disk.folders.flush(folder))], { concurrency: 2 }).pipe(
      Effect.flatMap(Exit.asVoidAll),
      Effect.as(fd),
      Effect.catch(undone(disk, path, fd))
    )
  return create(disk, folder, path).pipe(
    Effect.mapError((error) => (error.code === "EEXIST" ? new ObjectExists({ name }) : told(disk.name, false)(error))),
    Effect.flatMap(filled)
  )
}

/** Nobody leaves half a file behind. */
const put = (disk: Disk, name: string, chunks: ReadonlyArray<Uint8Array>) =>
  detached(
    Effect.map(
      begin(disk, name, (fd) => writeThrough(fd, chunks, 0)),
      (fd) => {
        disk.near.used(name, 0, sizeOf(chunks))
        closeLater(fd)
      }
    )
  )

/** Appends to an open file, from the beginning on. */
const growing = (disk: Disk, name: string, fd: number): GrowingObject => {
  let end = 0
  let isAppending = false
  let isClosed = false
  // A file is not closed while it is written: its number may be another one's then.
  const closeNow = () => {
    if (isClosed && !isAppending) closeLater(fd)
  }
  const ended = () => {
    isAppending = false
    closeNow()
  }
  // Nobody points to what did not come to its end: a disk that is full is not filled with it.
  const cut = (at: number) =>
    Effect.ignore(carriedOut((done) => (at > 0 ? fs.ftruncate(fd, at, done) : fs.unlink(pathOf(disk, name), done))))
  return {
    append: (chunks) =>
      Effect.suspend(() => {
        const at = end
        for (const { byteLength } of chunks) end += byteLength
        isAppending = true
        const to = end
        const written = writeThrough(fd, chunks, at).pipe(
          Effect.map(() => disk.near.used(name, at, to)),
          Effect.tapError(() => cut(at))
        )
        return detached(Effect.ensuring(Effect.mapError(written, told(disk.name, true)), Effect.sync(ended)))
      }),
    close: Effect.sync(() => {
      if (isClosed) return
      isClosed = true
      closeNow()
    })
  }
}

const pathOf = ({ root }: Disk, name: string): string => {
  const { file, folder } = placeOf(name)
  return join(root, folder, file)
}

const grow = (disk: Disk, name: string) =>
  Effect.map(
    detached(
      begin(disk, name, () => Effect.void),
      closeLater
    ),
    (fd) => growing(disk, name, fd)
  )

/** The name is nobody's, or a folder's, or leads over an object. */
const IS_NONE = new Set(["ENOENT", "EISDIR", "ENOTDIR"])

/** What is in memory is read in place, as long as that is quick: all else waits meanwhile. */
const readInto = (disk: Disk, name: string, fd: number, into: Uint8Array, from: number) => {
  const to = from + into.byteLength
  if (!disk.near.has(name, from, to)) {
    return Effect.tap(readAll(disk.calls, fd, into, from), () => Effect.sync(() => disk.near.used(name, from, to)))
  }
  return Effect.map(Effect.timed(readHere(fd, into, from)), ([took, bytes]) => {
    if (Duration.toMillis(took) > NEAR_MS) disk.near.drop(name)
    return bytes
  })
}

const get = (disk: Disk, name: string, from: number, to: number) => {
  const read = (fd: number) =>
    Effect.suspend(() => {
      const into = new Uint8Array(Buffer.allocUnsafeSlow(to - from).buffer)
      return Effect.flatMap(readInto(disk, name, fd, into, from), (bytes) =>
        bytes === into.byteLength
          ? Effect.succeed(into)
          : Effect.fail(new ObjectStoreRefused({ message: `object ${name} ends at ${from + bytes}, before ${to}` }))
      )
    })
  return Effect.mapError(disk.handles.use(name, pathOf(disk, name), read), (error) => {
    if (error instanceof ObjectStoreRefused) return error
    return IS_NONE.has(error.code ?? "") ? new ObjectMissing({ name }) : told(disk.name, false)(error)
  })
}

/** What some systems say of `unlink` of a folder. A folder that may not be written to says EACCES. */
const IS_FOLDER = ["EPERM"]

const remove = (disk: Disk, name: string): Effect.Effect<void, DiskError> => {
  const place = placeOf(name)
  const folder = join(disk.root, place.folder)
  const gone = Effect.sync(() => {
    disk.handles.drop(name)
    disk.near.drop(name)
  })
  const removed = unless(...IS_NONE, ...IS_FOLDER)(carriedOut((done) => fs.unlink(join(folder, place.file), done)))
  return detached(
    removed.pipe(
      Effect.andThen(removeStates({ folder, file: place.file })),
      Effect.andThen(gone),
      Effect.andThen(removeEmpty(disk.folders, folder, disk.root))
    )
  )
}

const replaceTagged = Effect.fnUntraced(function* (
  disk: Disk,
  name: string,
  tag: string | undefined,
  value: Uint8Array
) {
  const place = placeOf(name)
  const folder = join(disk.root, place.folder)
  if (tag === undefined) yield* disk.folders.ensure(folder, disk.root)
  return yield* replaceState(disk.folders, { folder, file: place.file }, tag, value, yield* randomUuid)
})

/** Makes the store's folder, and those above it, so that they last. */
const makeRoot = Effect.fnUntraced(function* ({ folders, root }: Disk) {
  const first = yield* asked<string | undefined>((done) => fs.mkdir(root, { recursive: true }, done))
  if (first === undefined) return
  for (let made = root; made.length >= first.length; made = dirname(made)) {
    // Who may make a folder in another one need not have the right to read it.
    yield* unless("EACCES")(folders.flush(dirname(made)))
  }
})

/** What `statfs` calls NFS, SMB (three of them), Ceph, 9P, FUSE, Lustre, AFS, GFS2 and OCFS2. */
const REMOTE = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x00c36400, 0x01021997, 0x65735546, 0x0bd00bd0, 0x5346414f, 0x01161970,
  0x7461636f
])

/** A name that nobody has is given once. */
const probe = Effect.fnUntraced(function* (disk: Disk, store: Pick<ObjectStore, "put" | "remove">) {
  yield* Effect.mapError(makeRoot(disk), told(disk.name, false))
  const { type } = yield* Effect.mapError(
    asked<fs.StatsFs>((done) => fs.statfs(disk.root, done)),
    told(disk.name, false)
  )
  if (REMOTE.has(type)) disk.near.turnOff()
  const name = `probe-${yield* randomUuid}`
  const bytes = [new Uint8Array(1)]
  const refused = (message: string) => new ObjectStoreRefused({ message: `${disk.name}: ${message}` })
  yield* Effect.catchTag(store.put(name, bytes), "ObjectExists", () => Effect.fail(refused("a new name is taken")))
  const isGivenTwice = yield* store.put(name, bytes).pipe(
    Effect.as(true),
    Effect.catchTag("ObjectExists", () => Effect.succeed(false)),
    Effect.ensuring(Effect.ignore(store.remove(name)))
  )
  if (isGivenTwice) return yield* refused("a name was given twice")
})

/** Of the machine, or of the part of it that this process may use. */
const memoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Infinity)

/**
 * Objects as files of one folder, for brokers of one machine. A put returns when file and name would survive a crash of the
 * machine; what it leaves behind if it does not return has no pointer. A removal may be forgotten by such a crash, and the
 * collector does it again. Several processes may use the folder at one time. Files stay open for readers, until the scope ends.
 */
export const makeFileObjectStore = ({
  maxOpen = 256,
  nearBytes = memoryBytes() / NEAR_PART,
  path
}: FileObjectOptions): Effect.Effect<ObjectStore, never, Scope.Scope> =>
  Effect.gen(function* () {
    const calls = new Calls(READS)
    const disk: Disk = {
      root: path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path,
      name: pathToFileURL(path).href,
      folders: new Folders(),
      handles: new Handles(maxOpen, calls),
      calls,
      near: new NearBytes(nearBytes)
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        disk.folders.close()
        disk.handles.close()
      })
    )
    return storeOf(disk)
  })

const storeOf = (disk: Disk): ObjectStore => {
  const failing = Effect.mapError(told(disk.name, false))
  const store = {
    name: disk.name,
    isLocal: true,
    put: (name, chunks) => ofObject(name, put(disk, name, chunks)),
    grow: (name) => ofObject(name, grow(disk, name)),
    get: (name, from, to) => ofObject(name, get(disk, name, from, to)),
    list: (prefix, after) => failing(listed(disk, prefix, after)),
    remove: (name) => ofObject(name, failing(remove(disk, name))),
    readTagged: (name) => ofObject(name, failing(readState(statesAt(disk, name)))),
    replaceTagged: (name, tag, value) =>
      ofObject(name, detached(Effect.mapError(replaceTagged(disk, name, tag, value), told(disk.name, true))))
  } satisfies Omit<ObjectStore, "probe">
  return { ...store, probe: probe(disk, store) }
}

const statesAt = ({ root }: Disk, name: string) => {
  const { file, folder } = placeOf(name)
  return { folder: join(root, folder), file }
}
