// Node 22.12 and later can require modules.
const { Tusk } = require("@tusk/test")
const assert = require("node:assert/strict")
const { test } = require("node:test")

test("a CommonJS test has the same", async () => {
  const kafka = await Tusk.start({ topics: ["orders"] })
  await kafka.produce("orders", [{ key: "7", value: "ordered" }])
  assert.equal((await kafka.records("orders"))[0].keyText, "7")
  await kafka.stop()
})
