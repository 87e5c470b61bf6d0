import { Quotas } from "@tusk/storage/security/Quotas"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../../config/BrokerSettings.ts"
import { AddressMeters } from "./AddressMeters.ts"
import { ClientMeters } from "./ClientMeters.ts"

/** What clients have used of the quotas that hold now: who changes `kafka.quotas`, by an API or in SQL, changes these. */
export class ClientQuotas extends Context.Service<
  ClientQuotas,
  { readonly clients: ClientMeters; readonly addresses: AddressMeters }
>()("@tusk/server/security/ClientQuotas") {
  static readonly layer = Layer.effect(
    ClientQuotas,
    Effect.gen(function* () {
      const kept = yield* Quotas
      const settings = yield* BrokerSettings
      const maxEntities = settings.quotaMaxEntities
      const windows = { samples: settings.quotaWindowNum, sampleMs: settings.quotaWindowSizeSeconds * 1000 }
      const mutationWindows = {
        samples: settings.controllerQuotaWindowNum,
        sampleMs: settings.controllerQuotaWindowSizeSeconds * 1000
      }
      const clients = new ClientMeters({ windows, mutationWindows, maxEntities })
      const addresses = new AddressMeters(windows, maxEntities)
      const hold = () => {
        const quotas = Array.from(kept.current().values())
        clients.hold(quotas)
        addresses.hold(quotas)
      }
      const stop = kept.onChange(hold)
      yield* Effect.addFinalizer(() => Effect.sync(stop))
      hold()
      return ClientQuotas.of({ clients, addresses })
    })
  )
}
