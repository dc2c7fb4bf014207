// A 28 x 28 canvas to draw a digit on, with a mouse, a finger or the keyboard.
const SIZE = 28;
const SCALE = 10;

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE * SCALE;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute(
    "aria-label",
    "Drawing pad, 28 by 28 pixels. Arrow keys move the pen, space draws, " +
      "shift and an arrow draw a line, delete clears."
  );
  const clear = document.createElement("button");
  clear.textContent = "Clear";
  clear.className = "jupyter-button";
  const help = document.createElement("div");
  help.textContent = "Mouse or finger; or arrows, space, shift+arrows.";
  help.className = "tapelab-pad-help";
  el.classList.add("tapelab-pad");
  el.append(canvas, clear, help);

  const context = canvas.getContext("2d");
  const small = new OffscreenCanvas(SIZE, SIZE);
  const ink = new Float32Array(SIZE * SIZE);
  let pen = { x: 13.5, y: 13.5 };
  let down = false;
  let keyboard = false;
  let waiting = null;

  function paint() {
    const image = new ImageData(SIZE, SIZE);
    ink.forEach((value, i) => {
      image.data.fill(255 - Math.round(255 * value), 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255;
    });
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    if (keyboard) {
      context.strokeStyle = "#D55E00";
      context.lineWidth = 2;
      context.strokeRect((pen.x - 0.5) * SCALE, (pen.y - 0.5) * SCALE, 2 * SCALE, 2 * SCALE);
    }
  }

  // A round pen with soft edges, as wide as the strokes of MNIST.
  function dot(x, y) {
    for (let row = 0; row < SIZE; row++) {
      for (let column = 0; column < SIZE; column++) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const value = Math.min(1, Math.max(0, 1.8 - distance));
        const i = row * SIZE + column;
        ink[i] = Math.max(ink[i], value);
      }
    }
  }

  function line(from, to) {
    const pieces = Math.max(1, Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)));
    for (let i = 0; i <= pieces; i++) {
      dot(from.x + ((to.x - from.x) * i) / pieces, from.y + ((to.y - from.y) * i) / pieces);
    }
  }

  function send() {
    waiting = null;
    const bytes = Uint8Array.from(ink, (value) => Math.round(255 * value));
    model.set("value", new DataView(bytes.buffer));
    model.save_changes();
  }

  // Ten pictures a second are plenty for the kernel.
  function changed() {
    paint();
    waiting ??= setTimeout(send, 100);
  }

  function read() {
    const view = model.get("value");
    for (let i = 0; i < ink.length; i++) {
      ink[i] = view.byteLength ? view.getUint8(i) / 255 : 0;
    }
    paint();
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * SIZE,
      y: ((event.clientY - box.top) / box.height) * SIZE,
    };
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    canvas.focus();
    down = true;
    keyboard = false;
    pen = at(event);
    dot(pen.x, pen.y);
    changed();
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!down) return;
    const next = at(event);
    line(pen, next);
    pen = next;
    changed();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => (down = false));
  }

  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    keyboard = true;
    if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      const inside = (value) => Math.min(SIZE - 0.5, Math.max(0.5, value));
      const next = { x: inside(pen.x + dx), y: inside(pen.y + dy) };
      if (event.shiftKey) line(pen, next);
      pen = next;
    } else if (event.key === " ") {
      dot(pen.x, pen.y);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      ink.fill(0);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // or the notebook would move on to the next cell
    changed();
  });
  canvas.addEventListener("focus", paint);
  clear.addEventListener("click", () => {
    ink.fill(0);
    changed();
  });
  model.on("change:value", () => {
    if (!down && waiting === null) read();
  });
  read();
}

export default { render };
