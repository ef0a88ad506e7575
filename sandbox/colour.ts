/** Colours as [red, green, blue], 0 to 255 each, and smooth ramps of them. */

export type Colour = readonly [number, number, number];

/** Hue in degrees, saturation and lightness from 0 to 1 (CSS Color 4, `hsl()`). */
export function hsl(hue: number, saturation: number, lightness: number): Colour {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + (((hue % 360) + 360) % 360) / 30) % 12;
    return 255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return [channel(0), channel(8), channel(4)];
}

export function mix(from: Colour, to: Colour, share: number): Colour {
  return [
    from[0] + (to[0] - from[0]) * share,
    from[1] + (to[1] - from[1]) * share,
    from[2] + (to[2] - from[2]) * share,
  ];
}

/** `steps` colours that pass through the stops at even distances, three numbers each. */
export function ramp(stops: readonly Colour[], steps: number): Float32Array {
  const out = new Float32Array(steps * 3);
  for (let i = 0; i < steps; i++) {
    const at = (i / Math.max(1, steps - 1)) * (stops.length - 1);
    const index = Math.min(stops.length - 2, Math.floor(at));
    const share = at - index;
    const eased = share * share * (3 - 2 * share);
    out.set(mix(stops[index]!, stops[index + 1]!, eased), i * 3);
  }
  return out;
}
