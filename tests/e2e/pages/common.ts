// What the hls.js page and the Shaka page share: the video element and the state that the tests read.
export interface Watched {
  player: string;
  error: string;
  keyUrls: string[];
  licenceUrls: string[];
  utcMs: () => number | null;
}

export const video = document.querySelector("video") as HTMLVideoElement;
export const query = new URLSearchParams(location.search);

/** The test's own parameters: `src`, `license` and `bearer`. */
export const parameters = {
  src: query.get("src") ?? "",
  license: query.get("license") ?? "",
  bearer: query.get("bearer") ?? "",
};

export function watch(watched: Watched): void {
  Object.assign(window, {
    playState: () => ({
      player: watched.player,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      audioBytes: (video as unknown as { webkitAudioDecodedByteCount?: number }).webkitAudioDecodedByteCount ?? 0,
      currentTime: video.currentTime,
      readyState: video.readyState,
      error: watched.error || (video.error ? `${video.error.code} ${video.error.message}` : ""),
      keyUrls: watched.keyUrls,
      licenceUrls: watched.licenceUrls,
      utcMs: watched.utcMs(),
      seekableEnd: video.seekable.length ? video.seekable.end(video.seekable.length - 1) : 0,
    }),
  });
}
