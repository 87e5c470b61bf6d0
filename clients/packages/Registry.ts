/** A registry on this machine that knows Tusk's packages only, so that a project installs them by their names, as a user does. */
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import type { Tarball } from "../../house/Built.ts"
import type { Workspace } from "../../house/build.ts"

export interface Published {
  readonly workspace: Workspace
  readonly tarball: Tarball
}

/** What a registry tells of a package: its one version, and where the tarball is. */
const documentOf = ({ tarball, workspace: { manifest } }: Published, address: string): string =>
  JSON.stringify({
    name: manifest.name,
    "dist-tags": { latest: manifest.version },
    versions: {
      [manifest.version]: {
        ...manifest,
        dist: {
          tarball: `${address}/tarballs/${tarball.filename}`,
          integrity: tarball.integrity,
          shasum: tarball.shasum
        }
      }
    }
  })

export interface Registry extends AsyncDisposable {
  /** The line of `.npmrc` that sends npm here for the scope. */
  readonly npmrc: string
}

export const startRegistry = async (tarballs: string, published: ReadonlyMap<string, Published>): Promise<Registry> => {
  let address = ""
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "").slice(1)
    const one = published.get(path)
    const file = [...published.values()].find(({ tarball }) => path === `tarballs/${tarball.filename}`)
    if (one !== undefined) response.setHeader("content-type", "application/json").end(documentOf(one, address))
    else if (file !== undefined) response.end(readFileSync(join(tarballs, file.tarball.filename)))
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    npmrc: `@tusk:registry=${address}/\n`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}
