/** A picture's specification, and what a painter does with it. */
export type Mood = 'night' | 'dusk' | 'day';

export interface PictureSpec {
  readonly seed: number;
  /** Degrees on the colour wheel. */
  readonly hue: number;
  readonly mood: Mood;
  readonly width: number;
  readonly height: number;
}

/** Paints rows `from` up to but without `to`; called in order from the top. */
export type Painter = (rgb: Uint8Array, from: number, to: number) => void;
