import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface Series {
  readonly name: string;
  /** In ms. */
  readonly times: readonly number[];
}

const size = { width: 760, height: 300 };

/** How many of the times are at most so long, as an SVG image. */
export function plot(title: string, all: readonly Series[]): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({
    animation: false,
    backgroundColor: "#fff",
    title: { text: title, left: "center", textStyle: { fontSize: 14 } },
    legend: { bottom: 0 },
    grid: { left: 60, right: 30, top: 40, bottom: 70 },
    xAxis: { type: "value", name: "ms", nameLocation: "middle", nameGap: 25, min: 0 },
    yAxis: { type: "value", name: "% at most so long", min: 0, max: 100 },
    series: all.map(({ name, times }) => ({
      name,
      type: "line",
      step: "end",
      showSymbol: false,
      data: shares(times),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

/** Points (time, percent of the times that are at most that). */
export function shares(times: readonly number[]): readonly (readonly [number, number])[] {
  const sorted = [...times].sort((a, b) => a - b);
  return [[sorted[0] ?? 0, 0], ...sorted.map((time, i) => [time, ((i + 1) * 100) / sorted.length] as const)];
}
