import type { FrameWriter } from "../connection/FrameWriter.ts"

/** A parameter of a statement, in binary. */
export type Parameter = (frame: FrameWriter) => void

export const int32 =
  (value: number): Parameter =>
  (frame) => {
    frame.int32(4)
    frame.int32(value)
  }

export const int64 =
  (value: bigint): Parameter =>
  (frame) => {
    frame.int32(8)
    frame.int64(value)
  }

export const bytes =
  (value: Uint8Array): Parameter =>
  (frame) =>
    frame.value(() => frame.raw(value))

export const text = (value: string): Parameter => bytes(Buffer.from(value, "utf8"))

/** Null. */
export const nothing: Parameter = (frame) => frame.int32(-1)

export const bytesArray =
  (values: ReadonlyArray<Uint8Array>): Parameter =>
  (frame) =>
    frame.bytesArray(values, (value) => value)
