// Media in a folder, without a daemon: on a static file server beside the player pages, with the keys behind URLs, and a
// browser to play it in.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { startChromium } from "./browser.ts";
import { pageFolder } from "./media.ts";
import { clearKeyLicences, rawKeys, StaticServer, type Keys } from "./static_server.ts";

export class PlayerSite {
  private constructor(
    readonly folder: string,
    readonly server: StaticServer,
    readonly browser: Browser,
  ) {}

  /** `fill` puts the media into the folder; keys are behind `/key/KID`, licences behind `/license`. */
  static async open(name: string, keys: Keys, fill: (folder: string) => Promise<void>): Promise<PlayerSite> {
    const folder = mkdtempSync(join(tmpdir(), `aircheck-${name}-`));
    let server: StaticServer | undefined;
    try {
      await fill(folder);
      server = await StaticServer.start(
        { "/media/": folder, "/pages/": pageFolder() },
        { "/key/": rawKeys(keys), "/license": clearKeyLicences(keys) },
      );
      return new PlayerSite(folder, server, await startChromium());
    } catch (error) {
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The page of a player with a playlist of the folder. */
  address(player: string, playlist: string): string {
    const query = new URLSearchParams({
      src: `${this.server.url}/media/${playlist}`,
      license: `${this.server.url}/license`,
    });
    return `${this.server.url}/pages/${player}.html?${query}`;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
