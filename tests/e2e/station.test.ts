// A whole station, end to end: one daemon with one encrypted channel on the air, and everyone who talks to it.
import { after, before } from "node:test";
import { Station } from "./harness/station.ts";
import { openapiTests } from "./station/openapi.ts";
import { pageTests } from "./station/page.ts";
import { playerTests } from "./station/players.ts";
import { refusalTests } from "./station/refusals.ts";

let station: Station;
before(async () => {
  station = await Station.start();
});
after(async () => {
  await station?.stop();
});

const running = () => station;
refusalTests(running);
pageTests(running);
playerTests(running);
openapiTests(running);
