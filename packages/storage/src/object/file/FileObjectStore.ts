import * as fs from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { ofObject } from "../../port/ObjectName.ts"
import { ObjectExists, ObjectMissing, ObjectStoreRefused } from "../../port/ObjectStore.ts"
import type { ObjectStore, ObjectStoreError } from "../../port/ObjectStore.ts"
import { randomUuid } from "../../port/Uuid.ts"
import { asked, carriedOut, closeLater, readAll, told, unless, writeAll } from "./disk.ts"
import type { DiskError } from "./disk.ts"
import { Folders, removeEmpty } from "./Folders.ts"
import { Journal, MOST_BYTES } from "./Journal.ts"
import type { Filed } from "./Segment.ts"
import { Handles } from "./Handles.ts"
import { listed } from "./listing.ts"
import { placeOf } from "./place.ts"
import { takeOver } from "./takeOver.ts"
import { readState, removeStates, replaceState } from "./tagged.ts"

/** Where a store of files is. */
export interface FileObjectOptions {
  /** The folder that holds all of it: a whole path. */
  readonly path: string
  /** Objects whose files stay open, for who reads on. */
  readonly maxOpen?: number
  /** Bytes of the disk that make small puts fast (`Journal`); none below 16 MiB. */
  readonly journalBytes?: number
}

const JOURNAL_BYTES = 256 << 20
/** How often what was put is taken out of the journal. */
const WIPED_MS = 3_600_000

/** A folder may be removed, as it is empty, while something is put into it; so often at most. */
const TRIES = 20

interface Disk {
  readonly root: string
  readonly name: string
  readonly folders: Folders
  readonly handles: Handles
  /** Whether what is flushed outlives the machine. */
  lasts: boolean
  /** Undefined: there is none, or not yet. */
  journal: Journal | undefined
}

/** A new file, in a folder that lasts. */
const create = (disk: Disk, folder: string, path: string, triesLeft = TRIES): Effect.Effect<number, DiskError> =>
  disk.folders.ensure(folder, disk.root).pipe(
    Effect.andThen(asked<number>((done) => fs.open(path, "wx", done))),
    Effect.catch((error) => {
      if (error.code !== "ENOENT" || triesLeft === 0) return Effect.fail(error)
      disk.folders.forgetUpTo(disk.root, folder)
      return create(disk, folder, path, triesLeft - 1)
    })
  )

/** Both the bytes and the name last, flushed side by side: most file systems carry out both by one commit of their journal. */
const flush = (disk: Disk, folder: string, fd: number): Effect.Effect<void, DiskError> =>
  disk.lasts ? flushBoth(disk, folder, fd) : Effect.void

const flushBoth = (disk: Disk, folder: string, fd: number): Effect.Effect<void, DiskError> =>
  Effect.all([carriedOut((done) => fs.fdatasync(fd, done)), disk.folders.flush(folder)], {
    concurrency: 2,
    discard: true
  })

/** Writes a new file, which lasts then, and leaves it to the journal or closes it. */
const fill = (
  disk: Disk,
  name: string,
  file: Filed,
  chunks: ReadonlyArray<Uint8Array>
): Effect.Effect<void, DiskError> => {
  const { fd, folder } = file
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  const written = writeAll(fd, chunks)
  const isLogged =
    disk.journal === undefined || bytes > MOST_BYTES
      ? Effect.as(written, false)
      : disk.journal.write(name, file, chunks, bytes, written)
  return Effect.flatMap(isLogged, (lasts) =>
    lasts ? Effect.void : Effect.tap(flush(disk, folder, fd), () => Effect.sync(() => closeLater(fd)))
  )
}

const put = (disk: Disk, name: string, chunks: ReadonlyArray<Uint8Array>) => {
  const place = placeOf(name)
  const folder = join(disk.root, place.folder)
  const path = join(folder, place.file)
  const filled = (fd: number) =>
    Effect.catch(fill(disk, name, { folder, path, fd }, chunks), (error) => {
      closeLater(fd)
      return carriedOut((done) => fs.unlink(path, done)).pipe(
        Effect.matchEffect({
          onSuccess: () => Effect.fail(told(disk.name, false)(error)),
          onFailure: () => Effect.fail(told(disk.name, true)(error))
        })
      )
    })
  return create(disk, folder, path).pipe(
    Effect.mapError((error) => (error.code === "EEXIST" ? new ObjectExists({ name }) : told(disk.name, false)(error))),
    Effect.flatMap(filled),
    // Nobody leaves half a file behind.
    Effect.uninterruptible
  )
}

/** The name is nobody's, or a folder's, or leads over an object. */
const IS_NONE = new Set(["ENOENT", "EISDIR", "ENOTDIR"])

const get = (disk: Disk, name: string, from: number, to: number) => {
  const place = placeOf(name)
  const read = (fd: number) =>
    Effect.suspend(() => {
      const into = new Uint8Array(Buffer.allocUnsafeSlow(to - from).buffer)
      return Effect.flatMap(readAll(fd, into, from), (bytes) =>
        bytes === into.byteLength
          ? Effect.succeed(into)
          : Effect.fail(new ObjectStoreRefused({ message: `object ${name} ends at ${from + bytes}, before ${to}` }))
      )
    })
  return Effect.mapError(disk.handles.use(name, join(disk.root, place.folder, place.file), read), (error) => {
    if (error instanceof ObjectStoreRefused) return error
    return IS_NONE.has(error.code ?? "") ? new ObjectMissing({ name }) : told(disk.name, false)(error)
  })
}

/** What some systems say of `unlink` of a folder. A folder that may not be written to says EACCES. */
const IS_FOLDER = ["EPERM"]

const remove = (disk: Disk, name: string): Effect.Effect<void, DiskError> => {
  const place = placeOf(name)
  const folder = join(disk.root, place.folder)
  const gone = Effect.sync(() => disk.handles.drop(name))
  return unless(
    ...IS_NONE,
    ...IS_FOLDER
  )(carriedOut((done) => fs.unlink(join(folder, place.file), done))).pipe(
    Effect.andThen(removeStates({ folder, file: place.file })),
    Effect.andThen(gone),
    Effect.andThen(removeEmpty(disk.folders, folder, disk.root)),
    Effect.uninterruptible
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
}, Effect.uninterruptible)

/** A name that nobody has is given once. */
const probe = Effect.fnUntraced(function* (disk: Disk, store: Pick<ObjectStore, "put" | "remove">) {
  yield* Effect.mapError(
    asked<string | undefined>((done) => fs.mkdir(disk.root, { recursive: true }, done)),
    told(disk.name, false)
  )
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

/** File systems that lose all they hold when the machine does, so that no flush means anything: tmpfs, ramfs. */
const IN_MEMORY = new Set([0x01021994, 0x858458f6])
/**
 * Those of one machine's disk that write in place: ext4 and its elders, XFS, F2FS, and an overlay of one. On others a journal is of
 * little use, and where several machines see one disk it would be wrong: what is not flushed only this one sees.
 */
const IN_PLACE = new Set([0xef53, 0x58465342, 0xf2f52010, 0x794c7630])

/** Tells one start of this machine from another; where nobody tells, one of this process from another. */
const bootOf = (own: string): string => {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
  } catch {
    return own
  }
}

/** Before the first call: what a crash of the machine left is put in order, and there is a journal if it is of use. */
const prepare = Effect.fnUntraced(function* (disk: Disk, maxBytes: number, scope: Scope.Scope) {
  const own = yield* randomUuid
  const boot = bootOf(own)
  const { type } = yield* asked<fs.StatsFs>((done) => fs.statfs(disk.root, done))
  disk.lasts = !IN_MEMORY.has(type)
  if (!disk.lasts) return
  yield* takeOver({ root: disk.root, folders: disk.folders, boot })
  if (!IN_PLACE.has(type)) return
  const journal = new Journal({ root: disk.root, maxBytes, boot, own }, disk.folders, scope)
  disk.journal = journal
  yield* Effect.forkIn(Effect.forever(Effect.andThen(Effect.sleep(WIPED_MS), journal.wipe)), scope)
})

/** Runs it once, unless it fails: for all who come before it has succeeded. */
const once = <E>(effect: Effect.Effect<void, E>): (<A, F>(then: Effect.Effect<A, F>) => Effect.Effect<A, E | F>) => {
  const turn = Semaphore.makeUnsafe(1)
  let isDone = false
  const first = turn.withPermits(1)(
    Effect.suspend(() =>
      isDone
        ? Effect.void
        : Effect.tap(effect, () =>
            Effect.sync(() => {
              isDone = true
            })
          )
    )
  )
  return (then) => Effect.suspend((): Effect.Effect<any, any> => (isDone ? then : Effect.andThen(first, then)))
}

/**
 * Objects as files of one folder, for brokers of one machine. A put returns when file and name would survive a crash of the
 * machine; what it leaves behind if it does not return has no pointer. A removal may be forgotten by such a crash, and the
 * collector does it again. Several processes may use the folder at one time. Files stay open for readers, until the scope ends.
 */
export const makeFileObjectStore = ({
  journalBytes = JOURNAL_BYTES,
  maxOpen = 256,
  path
}: FileObjectOptions): Effect.Effect<ObjectStore, never, Scope.Scope> =>
  Effect.gen(function* () {
    const disk: Disk = {
      root: path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path,
      name: pathToFileURL(path).href,
      folders: new Folders(),
      handles: new Handles(maxOpen),
      lasts: true,
      journal: undefined
    }
    const scope = yield* Effect.scope
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.suspend(() => disk.journal?.close ?? Effect.void),
        Effect.sync(() => {
          disk.folders.close()
          disk.handles.close()
        })
      )
    )
    const prepared = once(Effect.mapError(prepare(disk, journalBytes, scope), told(disk.name, false)))
    return storeOf(disk, prepared)
  })

type Prepared = <A, E>(then: Effect.Effect<A, E>) => Effect.Effect<A, E | ObjectStoreError>

const storeOf = (disk: Disk, prepared: Prepared): ObjectStore => {
  const failing = Effect.mapError(told(disk.name, false))
  const store = {
    name: disk.name,
    isLocal: true,
    put: (name, chunks) => ofObject(name, prepared(put(disk, name, chunks))),
    get: (name, from, to) => ofObject(name, prepared(get(disk, name, from, to))),
    list: (prefix, after) => prepared(failing(listed(disk.root, prefix, after))),
    remove: (name) => ofObject(name, prepared(failing(remove(disk, name)))),
    readTagged: (name) => ofObject(name, prepared(failing(readState(statesAt(disk, name))))),
    replaceTagged: (name, tag, value) =>
      ofObject(name, prepared(Effect.mapError(replaceTagged(disk, name, tag, value), told(disk.name, true))))
  } satisfies Omit<ObjectStore, "probe">
  return { ...store, probe: probe(disk, store) }
}

const statesAt = ({ root }: Disk, name: string) => {
  const { file, folder } = placeOf(name)
  return { folder: join(root, folder), file }
}
