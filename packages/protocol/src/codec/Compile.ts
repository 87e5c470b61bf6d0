/**
 * Turns a plan into two JavaScript functions. The source is made from the declaration alone, never from anything that
 * came over the network: names are checked, literals go through `JSON.stringify`.
 *
 * Neighbouring fields of fixed size are read and written behind one bounds check; an object literal with all fields in
 * the declared order gives every version of a struct the same hidden class.
 */
import { protocolError } from "../ProtocolError.ts"
import { checkedInt64 } from "./Interpret.ts"
import { defaultOf, type FieldPlan, fixedSize, isDefault, leastElement, type StructPlan, type TypePlan } from "./Ir.ts"
import type { Reader } from "./Reader.ts"
import type { Writer } from "./Writer.ts"

/** The two functions of one message in one version. They throw `ProtocolError` without the path of the field. */
export interface Compiled {
  readonly encode: (writer: Writer, value: any) => void
  readonly decode: (reader: Reader) => any
}

/** What the generated code calls besides `Reader` and `Writer`. */
const runtime = {
  EMPTY: new Uint8Array(0),
  int64: checkedInt64,
  isDefault,
  range: (value: unknown): never => {
    throw protocolError("outOfRange", `${String(value)} is not an integer of the field's size`)
  },
  isNull: (): never => {
    throw protocolError("unexpectedNull", "null in a field that cannot be null")
  },
  notInVersion: (): never => {
    throw protocolError("fieldNotInVersion", "set, but not a field of this version")
  }
}

/** Whether this process may generate code; false under `--disallow-code-generation-from-strings` and the like. */
export const mayGenerate = (): boolean => {
  try {
    return new Function("return true")() === true
  } catch {
    return false
  }
}

/** Compiles a plan. Costs well under a millisecond; V8 compiles the functions themselves when first called. */
export const compile = (plan: StructPlan, label: string): Compiled => {
  const source = new Source()
  const encoder = source.encoder(plan)
  const decoder = source.decoder(plan)
  const body = `"use strict";\n${source.functions.join("\n")}\nreturn{encode:${encoder},decode:${decoder}}\n//# sourceURL=tusk-codec/${label}.js`
  return new Function("T", "K", body)(runtime, source.constants) as Compiled
}

const suffix: { readonly [kind: string]: string } = { string: "String", bytes: "Bytes", records: "Bytes" }

/** The method of `Reader` and `Writer` for a type with a length in front. */
const method = (kind: string, flexible: boolean, nullable: boolean): string => {
  const name = `${flexible ? "compact" : ""}${nullable ? "Nullable" : ""}${suffix[kind] ?? "Bytes"}`
  return name.charAt(0).toLowerCase() + name.slice(1)
}

class Source {
  readonly functions: Array<string> = []
  readonly constants: Array<unknown> = []
  private count = 0

  private name(prefix: string): string {
    return `${prefix}${this.count++}`
  }
  private functionName(prefix: string, plan: StructPlan): string {
    if (!/^\w+$/.test(plan.name)) throw new Error(`${plan.name} is no name of a struct`)
    return this.name(`${prefix}_${plan.name}_`)
  }
  private constant(value: unknown): string {
    return `K[${this.constants.push(value) - 1}]`
  }

  private literal(field: { readonly type: TypePlan; readonly default: FieldPlan["default"] }): string {
    if (field.default === undefined && field.type.kind === "struct") {
      return `{${field.type.struct.fields.map((inner) => `${inner.name}:${this.literal(inner)}`).join(",")}}`
    }
    const value = defaultOf(field)
    if (typeof value === "bigint") return `${value}n`
    if (value instanceof Uint8Array) return "T.EMPTY"
    return Array.isArray(value) ? "[]" : JSON.stringify(value)
  }

  // ---- reading

  decoder(plan: StructPlan): string {
    const name = this.functionName("decode", plan)
    let code = ""
    let at = 0
    let run: Array<FieldPlan> = []
    const flush = () => {
      if (run.length === 0) return
      code += `p=r.take(${at});`
      let offset = 0
      for (const field of run) {
        code += `const $${field.name}=${this.readFixed(field.type, offset === 0 ? "p" : `p+${offset}`)};`
        offset += fixedSize(field.type)
      }
      run = []
      at = 0
    }
    for (const field of plan.body) {
      const size = fixedSize(field.type)
      if (size > 0) {
        run.push(field)
        at += size
      } else {
        flush()
        code += `let $${field.name};${this.readField(field, `$${field.name}`)}`
      }
    }
    flush()
    for (const field of plan.tagged) code += `let $${field.name}=${this.literal(field)};`
    if (plan.flexible) code += this.readTags(plan)
    const literal = plan.fields
      .map((field) => `${field.name}:${field.place === "absent" ? this.literal(field) : `$${field.name}`}`)
      .join(",")
    const tail = plan.flexible
      ? `const o={${literal}};if(u!==undefined)o.unknownTaggedFields=u;return o`
      : `return{${literal}}`
    this.functions.push(`function ${name}(r){const b=r.buffer,v=r.view;let p=0;${code}${tail}}`)
    return name
  }

  private readTags(plan: StructPlan): string {
    if (plan.tagged.length === 0) return "const u=r.undeclaredTags();"
    const cases = plan.tagged
      .map((field) => `case ${field.tag}:{${this.readField(field, `$${field.name}`)}break}`)
      .join("")
    return (
      "let u;if(r.position<r.end&&b[r.position]===0)r.position++;else for(let n=r.uvarint();n>0;n--){" +
      `const tag=r.uvarint(),outer=r.enter();switch(tag){${cases}default:u=r.keepUnknown(u,tag)}r.leave(outer)}`
    )
  }

  private readFixed(type: TypePlan, at: string): string {
    switch (type.kind) {
      case "bool":
        return `b[${at}]!==0`
      case "int8":
        return `v.getInt8(${at})`
      case "int16":
        return `v.getInt16(${at})`
      case "uint16":
        return `v.getUint16(${at})`
      case "int32":
        return `v.getInt32(${at})`
      case "uint32":
        return `v.getUint32(${at})`
      case "int64":
        return `v.getBigInt64(${at})`
      case "float64":
        return `v.getFloat64(${at})`
      default:
        return `r.uuidAt(${at})`
    }
  }

  /** Statements that read a field and assign it to `out`. */
  private readField(field: FieldPlan, out: string): string {
    if (field.type.kind === "struct" && field.nullable) {
      return `${out}=r.present()?${this.decoder(field.type.struct)}(r):null;`
    }
    return this.readInto(field.type, field.flexible, field.nullable, out)
  }

  private readInto(type: TypePlan, flexible: boolean, nullable: boolean, out: string): string {
    const size = fixedSize(type)
    if (size > 0) return `p=r.take(${size});${out}=${this.readFixed(type, "p")};`
    switch (type.kind) {
      case "struct":
        return `${out}=${this.decoder(type.struct)}(r);`
      case "recordChunks":
        return `${out}=r.${method("bytes", flexible, nullable)}();${nullable ? `if(${out}!==null)` : ""}${out}=[${out}];`
      case "array": {
        const n = this.name("n")
        const i = this.name("i")
        const element = fixedSize(type.of)
        const read = `r.${flexible ? "compactCount" : "count"}(${leastElement(type.of, flexible)})`
        const loop = `for(let ${i}=0;${i}<${n};${i}++)`
        const elements =
          element > 0
            ? `p=r.take(${element}*${n});${loop}${out}[${i}]=${this.readFixed(type.of, `p+${element}*${i}`)};`
            : `${loop}{${this.readInto(type.of, flexible, false, `${out}[${i}]`)}}`
        if (type.of.kind === "int32") {
          return nullable
            ? `const ${n}=${read};${out}=${n}<0?null:r.int32s(${n});`
            : `${out}=r.int32s(r.nonNull(${read}));`
        }
        return nullable
          ? `const ${n}=${read};if(${n}<0)${out}=null;else{${out}=r.array(${n});${elements}}`
          : `const ${n}=r.nonNull(${read});${out}=r.array(${n});${elements}`
      }
      default:
        return `${out}=r.${method(type.kind, flexible, nullable)}();`
    }
  }

  // ---- writing

  encoder(plan: StructPlan): string {
    const name = this.functionName("encode", plan)
    let code = ""
    for (const field of plan.fields) {
      if (field.place === "absent" && !field.ignorable) code += `if(${this.isSet(field)})T.notInVersion();`
    }
    if (!plan.flexible) code += "if(o.unknownTaggedFields!==undefined)T.notInVersion();"
    let run: Array<FieldPlan> = []
    let size = 0
    const flush = (more: number, then: (at: string) => string) => {
      if (size + more === 0) return
      code += `p=w.take(${size + more});b=w.buffer;v=w.view;`
      let offset = 0
      for (const field of run) {
        code += this.writeFixed(field.type, offset === 0 ? "p" : `p+${offset}`, `o.${field.name}`)
        offset += fixedSize(field.type)
      }
      code += then(`p+${offset}`)
      run = []
      size = 0
    }
    for (const field of plan.body) {
      const fixed = fixedSize(field.type)
      if (fixed > 0) {
        run.push(field)
        size += fixed
      } else {
        flush(0, () => "")
        code += this.writeField(field, "w", `o.${field.name}`)
      }
    }
    if (plan.flexible && plan.tagged.length === 0) {
      code += "const u=o.unknownTaggedFields;if(u===undefined){"
      const kept = { run, size }
      flush(1, (at) => `b[${at}]=0;`)
      code += "}else{"
      run = kept.run
      size = kept.size
      flush(0, () => "")
      code += "w.uvarint(u.length);w.unknownTags(u,-1,Infinity)}"
    } else {
      flush(0, () => "")
      if (plan.flexible) code += this.writeTags(plan)
    }
    this.functions.push(`function ${name}(w,o){let p=0,b=w.buffer,v=w.view,x;${code}}`)
    return name
  }

  /** An expression: whether a field differs from its default. */
  private isSet(field: FieldPlan): string {
    const value = `o.${field.name}`
    if (field.default === undefined) {
      switch (field.type.kind) {
        case "array":
        case "recordChunks":
        case "bytes":
        case "records":
          return `(x=${value},x===null||x.length!==0)`
        case "struct":
          return `!T.isDefault(${this.constant(field)},${value})`
      }
    }
    return `${value}!==${this.literal(field)}`
  }

  private writeTags(plan: StructPlan): string {
    const flags = plan.tagged.map((field) => ({ field, flag: this.name("s") }))
    let code = "const u=o.unknownTaggedFields;"
    for (const { field, flag } of flags) code += `const ${flag}=${this.isSet(field)};`
    const count = flags.map(({ flag }) => `(${flag}?1:0)`).join("+")
    code += `const n=${count}+(u===undefined?0:u.length);w.uvarint(n);if(n!==0){let a=-1;`
    for (const { field, flag } of flags) {
      code += `if(${flag}){if(u!==undefined)w.unknownTags(u,a,${field.tag});const q=w.nested();`
      code += `${this.writeField(field, "q", `o.${field.name}`)}w.appendTagged(${field.tag});a=${field.tag}}`
    }
    return `${code}if(u!==undefined)w.unknownTags(u,a,Infinity)}`
  }

  private writeFixed(type: TypePlan, at: string, value: string): string {
    const check = (test: string) => `x=${value};${test}===x||T.range(x);`
    switch (type.kind) {
      case "bool":
        return `b[${at}]=${value}?1:0;`
      case "int8":
        return `${check("x<<24>>24")}b[${at}]=x;`
      case "int16":
        return `${check("x<<16>>16")}v.setInt16(${at},x);`
      case "uint16":
        return `${check("(x&65535)")}v.setUint16(${at},x);`
      case "int32":
        return `${check("(x|0)")}v.setInt32(${at},x);`
      case "uint32":
        return `${check("x>>>0")}v.setUint32(${at},x);`
      case "int64":
        return `v.setBigInt64(${at},T.int64(${value}));`
      case "float64":
        return `v.setFloat64(${at},${value});`
      default:
        return `w.uuidAt(${at},${value});`
    }
  }

  private writeField(field: FieldPlan, writer: string, value: string): string {
    if (field.type.kind === "struct" && field.nullable) {
      const encode = this.encoder(field.type.struct)
      return `if(${value}===null)${writer}.int8(-1);else{${writer}.int8(1);${encode}(${writer},${value})}`
    }
    return this.write(field.type, field.flexible, field.nullable, writer, value)
  }

  private write(type: TypePlan, flexible: boolean, nullable: boolean, w: string, value: string): string {
    const size = fixedSize(type)
    const take = (bytes: string) => `p=${w}.take(${bytes});b=${w}.buffer;v=${w}.view;`
    if (size > 0) {
      if (type.kind === "uuid") return `${w}.uuidAt(${w}.take(16),${value});`
      return `${take(String(size))}${this.writeFixed(type, "p", value)}`
    }
    const nil = flexible ? `${w}.uvarint(0)` : `${w}.int32(-1)`
    const ifNull = nullable ? nil : "T.isNull()"
    switch (type.kind) {
      case "struct":
        return `if(${value}===null)T.isNull();${this.encoder(type.struct)}(${w},${value});`
      case "recordChunks":
        return `if(${value}===null)${ifNull};else ${w}.recordChunks(${value},${flexible});`
      case "array": {
        const a = this.name("a")
        const i = this.name("i")
        const count = flexible ? `${w}.uvarint(${a}.length+1);` : `${w}.int32(${a}.length);`
        const loop = `for(let ${i}=0;${i}<${a}.length;${i}++)`
        const element = fixedSize(type.of)
        const elements =
          element > 0 && type.of.kind !== "uuid"
            ? `${take(`${element}*${a}.length`)}${loop}{${this.writeFixed(type.of, `p+${element}*${i}`, `${a}[${i}]`)}}`
            : `${loop}{${this.write(type.of, flexible, false, w, `${a}[${i}]`)}}`
        return `const ${a}=${value};if(${a}===null)${ifNull};else{${count}${elements}}`
      }
      default: {
        const call = `${w}.${method(type.kind, flexible, nullable)}(${value});`
        return nullable ? call : `if(${value}===null)T.isNull();${call}`
      }
    }
  }
}
