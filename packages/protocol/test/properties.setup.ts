/**
 * Property tests draw the same examples in every run, so that a change is judged by what it changes. Others are drawn
 * with `TUSK_PROPERTY_SEED=random npm test`, or a number in place of `random`; a failure prints its replay token.
 */
import { configureGlobal } from "effect/Arbitrary"

const { TUSK_PROPERTY_SEED: seed = "1" } = process.env

if (seed !== "random") configureGlobal({ check: { seed: Number(seed) }, sample: { seed: Number(seed) } })
