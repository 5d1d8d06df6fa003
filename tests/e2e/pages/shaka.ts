// Shaka Player takes the content key as 16 raw bytes from the URI of the identity line of the playlist.
import shaka from "shaka-player";
import { parameters, video, watch, type Watched } from "./common.ts";

const player = new shaka.Player();
const watched: Watched = {
  player: "shaka",
  error: "",
  keyUrls: [],
  licenceUrls: [],
  utcMs,
};
/** While it plays, Shaka takes the date at the nearest time that can be chosen, which lags behind at the live edge. */
function utcMs(): number | null {
  const { start, end } = player.seekRange();
  const dated = video.paused ? video.currentTime : Math.min(Math.max(video.currentTime, start), end);
  const date = player.getPlayheadTimeAsDate();
  return date && date.getTime() + (video.currentTime - dated) * 1000;
}

const kinds = shaka.net.NetworkingEngine.RequestType;

player.addEventListener("error", (event) => {
  const detail = (event as unknown as { detail: shaka.util.Error }).detail;
  watched.error = `${detail.code} ${JSON.stringify(detail.data)}`;
});
player.getNetworkingEngine()?.registerRequestFilter((type, request) => {
  const url = request.uris[0] ?? "";
  if (type === kinds.KEY) watched.keyUrls.push(url);
  if (type === kinds.LICENSE && !url.startsWith("data:")) watched.licenceUrls.push(url);
  if (type === kinds.KEY && parameters.bearer) request.headers["Authorization"] = `Bearer ${parameters.bearer}`;
});
watch(watched);
Object.assign(window, { player });
async function start(): Promise<void> {
  try {
    await player.attach(video);
    await player.load(parameters.src);
    await video.play();
  } catch (error) {
    const { code, data } = error as shaka.util.Error;
    watched.error ||= `${code ?? String(error)} ${JSON.stringify(data ?? [])}`;
  }
}
void start();
