// hls.js takes the content key from a ClearKey licence server: the org.w3.clearkey line of the playlist.
import Hls from "hls.js";
import { parameters, video, watch, type Watched } from "./common.ts";

const watched: Watched = {
  player: "hls.js",
  error: "",
  keyUrls: [],
  licenceUrls: [],
  utcMs: () => hls.playingDate?.getTime() ?? null,
};

const hls = new Hls({
  emeEnabled: true,
  drmSystems: { "org.w3.clearkey": { licenseUrl: parameters.license } },
  licenseXhrSetup: (xhr, url) => {
    watched.licenceUrls.push(url);
    xhr.open("POST", url, true);
    xhr.setRequestHeader("Content-Type", "application/json");
    if (parameters.bearer) xhr.setRequestHeader("Authorization", `Bearer ${parameters.bearer}`);
  },
});
hls.on(Hls.Events.ERROR, (_event, data) => {
  if (data.fatal) watched.error = `${data.type} ${data.details} ${data.error?.message ?? ""}`;
});
hls.on(Hls.Events.KEY_LOADING, (_event, data) => watched.keyUrls.push(data.frag.decryptdata?.uri ?? ""));
hls.loadSource(parameters.src);
hls.attachMedia(video);
void video.play();
watch(watched);
Object.assign(window, { hls });
