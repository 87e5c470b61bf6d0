import type { MetricDefinition } from "@tusk/server/observe/MetricDefinition"
import { counter, gauge } from "@tusk/server/observe/MetricDefinition"
import type { Series } from "@tusk/server/observe/Series"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { getHeapStatistics } from "node:v8"

/** Of the process, by the names that Prometheus' client for Node gives them. */
export const processMetrics = {
  cpuUser: counter("process_cpu_user_seconds_total", [], "CPU seconds this process spent in its own code"),
  cpuSystem: counter("process_cpu_system_seconds_total", [], "CPU seconds the system spent for this process"),
  cpu: counter("process_cpu_seconds_total", [], "CPU seconds in all"),
  startTime: gauge("process_start_time_seconds", [], "When this process started, in seconds since 1970"),
  resident: gauge("process_resident_memory_bytes", [], "Bytes of memory that this process holds"),
  heapTotal: gauge("nodejs_heap_size_total_bytes", [], "Bytes of V8's heap"),
  heapUsed: gauge("nodejs_heap_size_used_bytes", [], "Bytes of V8's heap that are in use"),
  heapLimit: gauge("nodejs_heap_size_limit_bytes", [], "Bytes that V8's heap may grow to"),
  external: gauge("nodejs_external_memory_bytes", [], "Bytes outside V8's heap that it keeps alive, such as records"),
  loopMean: gauge("nodejs_eventloop_lag_mean_seconds", [], "How late timers were, the mean since the look before"),
  loopP99: gauge("nodejs_eventloop_lag_p99_seconds", [], "The 99th percentile of the same"),
  loopMax: gauge("nodejs_eventloop_lag_max_seconds", [], "The most of the same"),
  version: gauge("nodejs_version_info", ["version"], "1; the label tells the version of Node")
} satisfies Record<string, MetricDefinition>

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>

/** How often the event loop is measured, which costs a timer: from the first look on. */
const RESOLUTION_MS = 20

/** As of the last look, which begins the next measurement. */
class LoopDelay {
  #measured: IntervalHistogram | undefined

  /** Seconds beyond what a timer waits anyway. */
  read(of: (histogram: IntervalHistogram) => number): number {
    if (this.#measured === undefined) {
      this.#measured = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      this.#measured.enable()
    }
    const nanoseconds = of(this.#measured)
    return this.#measured.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000)
  }

  reset(): void {
    this.#measured?.reset()
  }
}

/** For a process that is all Tusk's: an app's own is the app's to tell of. */
export const registerProcess = (series: Series): void => {
  const m = processMetrics
  const delay = new LoopDelay()
  series.live(m.cpuUser, () => process.cpuUsage().user / 1e6)
  series.live(m.cpuSystem, () => process.cpuUsage().system / 1e6)
  series.live(m.cpu, () => {
    const { system, user } = process.cpuUsage()
    return (system + user) / 1e6
  })
  const startedAt = Math.round(performance.timeOrigin) / 1000
  series.live(m.startTime, () => startedAt)
  series.live(m.resident, () => process.memoryUsage.rss())
  series.live(m.heapTotal, () => getHeapStatistics().total_heap_size)
  series.live(m.heapUsed, () => getHeapStatistics().used_heap_size)
  series.live(m.heapLimit, () => getHeapStatistics().heap_size_limit)
  series.live(m.external, () => getHeapStatistics().external_memory)
  series.live(m.loopMean, () => delay.read(({ mean }) => mean))
  series.live(m.loopP99, () => delay.read((histogram) => histogram.percentile(99)))
  series.live(m.loopMax, () => {
    const most = delay.read(({ max }) => max)
    delay.reset()
    return most
  })
  series.live(m.version, () => 1, process.version)
}
