// Shapes of what the server sends and of what the scripts share.

interface Part extends HTMLElement {
  // an element of a template: what scripts read and write of inputs, selects, buttons, folds and links
  value: any;
  checked: boolean;
  disabled: boolean;
  open: boolean;
  options: any;
  selectedOptions: any;
  min: any;
  max: any;
  href: string;
  tBodies: any;
}
type Server = Record<string, (request: string) => Promise<string>>;
interface Tools {
  server: Server;
  props: any;
  trigger: (event: string, data?: object) => void;
  watch: (property: string, callback: () => void) => void;
}
type Mount = (element: any, tools: Tools) => void;

interface Topic {
  name: string;
  isOpen: () => boolean;
  ask: () => object | null;
  take: (answer: any) => void;
  showsProblems: boolean;
  problem: string;
  due: number;
  version: number;
}
interface Question {
  topic: Topic;
  version: number;
  given: object | null;
}
interface Poller {
  question: () => any;
  take: (answer: any, question: any, problem: string) => boolean;
  failed: (error: Error) => void;
}

type ChartKind = "loss" | "top1" | "opposing";
interface Epochs {
  epoch: number[];
  train_loss: number[];
  test_top1: number[];
  opposing_count_rate: (number | null)[];
}
interface Curve {
  cursor: string;
  losses: { step: number[]; loss: number[] };
  epochs: Epochs & Record<string, any[]>;
}
type CurveDelta = Curve & { reset: boolean };
type Curves = Record<string, Curve>;
interface Style {
  label: string;
  color: string;
  dash: string;
  marker: string;
}
interface Lane extends Style {
  id: string;
  method: string;
  seed: number;
  state: string;
  step: number;
  totalSteps: number;
  epoch: number;
  epochs: number;
  imagesPerSecond: number;
  summary: Record<string, any>;
}
interface Line {
  // a line of a live chart: its points, and how it is drawn
  group: string; // lines that are hidden together
  label: string;
  named: boolean; // has a row in the legend
  color: string;
  dash?: string;
  width: number;
  opacity: number;
  marker?: string;
  x: number[];
  y: (number | null)[];
  band?: { low: number[]; high: number[] };
}
interface Race {
  ids: string[];
  title: string;
  state: string;
  seeds: { seed: number; state: string }[];
  epoch: number;
  epochs: number;
  progress: number;
  ahead: number | null;
  secondsLeft: number | null;
  messages: string[];
  lanes: Lane[];
}

type Vector = number[];
type Optimizer = "sgd" | "adam";
interface ToySettings {
  eta: number;
  c: number;
  noise: number;
  optimizer: Optimizer;
  seed: number;
}
interface ToyStep {
  before: Vector;
  between: Vector;
  after: Vector;
}
interface ToyPath extends ToyStep {
  opposes: boolean[];
  m: Vector;
  v: Vector;
  trail: { at: Vector; opposed: boolean }[];
}
interface ToyState {
  settings: ToySettings;
  t: number;
  uniform: () => number;
  paths: Record<string, ToyPath>;
  opposed: Record<string, number>;
  penalties: number;
  distance: number;
}
interface Decayed {
  method: string;
  before: number;
  between: number;
  after: number;
  opposes: boolean;
}
