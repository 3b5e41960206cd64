// Search in pages that are opened as files: browsers start no workers there, so the script runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.answer = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.frame.addEventListener("load", () => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      });
      this.frame.srcdoc = `<script>
        const load = (url) => new Promise((done, failed) => {
          const script = document.createElement("script");
          Object.assign(script, { src: url, onload: done, onerror: failed });
          document.head.append(script);
        });
        window.postMessage = (data) => frameElement.answer(data);
        window.importScripts = (...urls) => urls.reduce((last, url) => last.then(() => load(url)), Promise.resolve());
      </script><script src="${new URL(url, location.href)}"></script>`;
      document.body.append(this.frame);
    }
    postMessage(data) {
      if (!this.ready) return void this.waiting.push(data);
      const { contentWindow } = this.frame;
      contentWindow.dispatchEvent(new contentWindow.MessageEvent("message", { data }));
    }
  };
}
