/** A line of the latest values on a canvas, in the canvas's text colour; the scale fits the largest of them. */

const MAX_POINTS = 300;

/** One line. */
export class Sparkline {
  #canvas;
  #values = [];

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Adds a value and draws anew. */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > MAX_POINTS) this.#values.shift();
    this.#draw();
  }

  #draw() {
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const width = canvas.width = canvas.clientWidth * scale;
    const height = canvas.height = canvas.clientHeight * scale;
    const context = canvas.getContext("2d");
    const stroke = 1.5 * scale;
    const most = Math.max(1, ...this.#values);
    const xOf = (index) => width * (MAX_POINTS - this.#values.length + index) / (MAX_POINTS - 1);
    const yOf = (value) => height - stroke - (height - 2 * stroke) * value / most;
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
    context.lineWidth = stroke;
    context.beginPath();
    this.#values.forEach((value, index) => context.lineTo(xOf(index), yOf(value)));
    context.stroke();
    context.lineTo(width, height);
    context.lineTo(xOf(0), height);
    context.globalAlpha = 0.15;
    context.fill();
  }
}
