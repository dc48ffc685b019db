import { useEnvironment } from "@/shared/environmentContext";

/** The system banner, above and below everything, where the configuration has one. */
export function Banner({ place }: { place: "top" | "bottom" }) {
  const { banner } = useEnvironment();
  if (banner === null) return null;
  const { text, backgroundColor, fontColor } = banner;
  return (
    <div
      className="lisa-banner"
      role="region"
      aria-label={`System banner, ${place}`}
      style={{ backgroundColor, color: fontColor }}
    >
      {text}
    </div>
  );
}
