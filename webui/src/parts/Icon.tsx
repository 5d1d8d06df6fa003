const paths = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  sound: "M4 9v6h4l5 4V5L8 9zM15.5 8.5a5 5 0 0 1 0 7l1.1 1.1a6.5 6.5 0 0 0 0-9.2z",
  muted: "M4 9v6h4l5 4V5L8 9zM15.3 9.7l2.3 2.3-2.3 2.3 1 1 2.3-2.3 2.3 2.3 1-1-2.3-2.3 2.3-2.3-1-1-2.3 2.3-2.3-2.3z",
  fullscreen: "M5 5h6v2H7v4H5zM13 5h6v6h-2V7h-4zM5 13h2v4h4v2H5zM17 13h2v6h-6v-2h4z",
};

export function Icon({ name }: { name: keyof typeof paths }) {
  return (
    <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
      <path d={paths[name]} fill="currentColor" />
    </svg>
  );
}
