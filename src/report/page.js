/* Draws the page's charts with Vega-Lite from the data in it, and filters what belongs to a domain.
 * Expressions are interpreted, never compiled, so that the page's policy needs no unsafe-eval. */
(function () {
  'use strict';
  var charts = JSON.parse(document.getElementById('data').textContent);
  var select = document.getElementById('domain');
  /* Seen on light and dark paper alike; shapes tell series apart, too. */
  var BLUE = '#3f7fd6', ORANGE = '#d2740f', GREY = '#868e99', GREEN = '#2f9a68', PURPLE = '#9a6bd0';
  var COLOURS = [BLUE, ORANGE, GREEN, PURPLE, GREY];
  var SHAPES = ['circle', 'triangle-up', 'square', 'diamond', 'cross'];
  var FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
  var text = {labelColor: 'currentColor', titleColor: 'currentColor', labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: 'normal', labelFont: FONT, titleFont: FONT};
  var config = {
    background: null, font: FONT, view: {stroke: null}, padding: 2,
    axis: Object.assign({labelFlush: false, gridColor: 'currentColor', gridOpacity: 0.13, domainColor: 'currentColor', domainOpacity: 0.4,
      tickColor: 'currentColor', tickOpacity: 0.4, labelLimit: 150}, text),
    legend: Object.assign({orient: 'top', symbolSize: 90, labelLimit: 260, title: null}, text)
  };

  function numeric(title, more) {
    return Object.assign({type: 'quantitative', axis: {title: title || null, tickCount: 6}}, more);
  }

  function heat(chart) {
    var rows = chart.rows.map(function (r) { return {layer: r[0], head: r[1], score: r[2], rank: r[3]}; });
    var most = Math.max.apply(null, rows.map(function (r) { return r.score; }));
    var least = Math.min.apply(null, rows.map(function (r) { return r.score; }));
    var step = chart.heads > 40 ? 12 : 18;
    var every = Math.ceil(chart.layers * 12 / 400);
    var position = {
      x: {field: 'head', type: 'ordinal', axis: {title: 'query head', orient: 'top', labelAngle: 0, labelOverlap: true}},
      y: {field: 'layer', type: 'ordinal', axis: {title: 'layer', labelExpr: 'datum.value % ' + every + ' ? "" : datum.value'}}
    };
    return {
      data: {values: rows}, width: {step: step}, height: {step: chart.layers > 40 ? 10 : 13},
      layer: [
        {mark: {type: 'rect', color: BLUE, stroke: 'currentColor', strokeOpacity: 0.08, tooltip: {content: 'data'}},
          encoding: Object.assign({fillOpacity: {field: 'score', type: 'quantitative', legend: null,
            scale: {domain: [least, most], range: [0.04, 1]}}}, position)},
        {transform: [{filter: 'datum.rank > 0'}],
          mark: {type: 'point', shape: 'cross', filled: true, size: 40, color: 'currentColor', opacity: 1,
            stroke: 'white', strokeWidth: 0.7, tooltip: {content: 'data'}},
          encoding: position}
      ]
    };
  }

  function unique(rows, key) {
    var seen = [];
    rows.forEach(function (r) { if (seen.indexOf(r[key]) < 0) { seen.push(r[key]); } });
    return seen;
  }

  function bySeries(rows) {
    var names = unique(rows, 'series');
    var legend = names.length > 1 ? {} : null;
    return {
      color: {field: 'series', type: 'nominal', sort: null, scale: {domain: names, range: COLOURS}, legend: legend},
      shape: {field: 'series', type: 'nominal', sort: null, scale: {domain: names, range: SHAPES}, legend: legend}
    };
  }

  function intervals(chart) {
    var rows = chart.rows.filter(function (r) { return r.value !== null; });
    var series = bySeries(rows);
    var many = unique(rows, 'series').length;
    var y = {field: 'row', type: 'nominal', sort: unique(rows, 'row'), axis: {title: null, grid: many > 1, labelPadding: 6}};
    var offset = many > 1 ? {yOffset: {field: 'series', sort: unique(rows, 'series')}} : {};
    var format = chart.percent ? {format: '.0%'} : {};
    var x = {field: 'value', type: 'quantitative', scale: {zero: chart.percent === true, nice: true, padding: 10},
      axis: Object.assign({title: null, tickCount: 6}, format)};
    var layer = [{mark: {type: 'point', filled: true, size: 80, opacity: 1, tooltip: {content: 'data'}},
      encoding: Object.assign({x: x, y: y}, series, offset)}];
    var ranges = rows.filter(function (r) { return r.low !== null && r.high !== null; });
    if (ranges.length > 0) {
      layer.unshift({data: {values: ranges}, mark: {type: 'rule', strokeWidth: 2},
        encoding: Object.assign({x: {field: 'low', type: 'quantitative'}, x2: {field: 'high'}, y: y, color: series.color}, offset)});
    }
    if (chart.reference !== undefined) {
      layer.unshift({data: {values: [{at: chart.reference}]}, mark: {type: 'rule', color: 'currentColor', strokeDash: [4, 3]},
        encoding: {x: {field: 'at', type: 'quantitative'}}});
    }
    return {data: {values: rows}, width: 'container',
      height: unique(rows, 'row').length * (many > 1 ? many * Math.max(13, 26 / many) : 24), layer: layer};
  }

  function lines(chart) {
    var rows = chart.rows.filter(function (r) { return r.value !== null; });
    var series = bySeries(rows);
    return {
      data: {values: rows}, width: 'container', height: 220,
      encoding: {x: Object.assign({field: 'x'}, numeric(chart.axis, {scale: {zero: false}})),
        y: Object.assign({field: 'value'}, numeric(null, {scale: {zero: false}})), color: series.color},
      layer: [{mark: {type: 'line', strokeWidth: 2}},
        {mark: {type: 'point', filled: true, size: 60, opacity: 1}, encoding: {shape: series.shape}}]
    };
  }

  function scatter(chart) {
    var series = bySeries(chart.rows);
    return {data: {values: chart.rows}, width: 'container', height: 360,
      mark: {type: 'point', size: 28, opacity: 0.7, filled: true},
      encoding: Object.assign({x: Object.assign({field: 'x'}, numeric('first component')),
        y: Object.assign({field: 'value'}, numeric('second component'))}, series)};
  }

  /* Counts of the domain that is picked: [all, chosen]. */
  function counts(chart) {
    var picked = select ? Number(select.value) : -1;
    var domains = picked < 0 ? chart.domains : [chart.domains[picked]];
    return [0, 1].map(function (chosen) {
      return domains[0][chosen].map(function (_, i) {
        return domains.reduce(function (sum, d) { return sum + d[chosen][i]; }, 0);
      });
    });
  }

  function bins(chart, share) {
    var both = counts(chart);
    var sums = both.map(function (list) { return list.reduce(function (a, b) { return a + b; }, 0); });
    return both[0].map(function (_, i) {
      var row = {low: chart.edges[i], high: chart.edges[i + 1], all: both[0][i], selected: both[1][i]};
      row.middle = chart.log ? Math.sqrt(row.low * row.high) : (row.low + row.high) / 2;
      row.allShare = sums[0] ? row.all / sums[0] : 0;
      row.selectedShare = sums[1] ? row.selected / sums[1] : 0;
      return row;
    });
  }

  function binned(chart) {
    var share = chart.kind === 'shares';
    var scale = chart.log ? {type: 'log', base: 2, nice: false} : {zero: false, nice: false};
    scale.domain = [chart.edges[0], chart.edges[chart.edges.length - 1]];
    var x = {field: 'low', type: 'quantitative', scale: scale,
      axis: {title: chart.axis, tickCount: 7, grid: false, format: chart.log ? ',d' : undefined, labelOverlap: true}};
    function y(field) {
      return {field: field, type: 'quantitative', stack: null,
        axis: share ? {title: null, format: '.0%', tickCount: 4} : {title: 'documents', tickCount: 4, format: ',d', tickMinStep: 1}};
    }
    var solid = share ?
      {mark: {type: 'line', color: ORANGE, strokeWidth: 2.5, point: {filled: true, size: 45, shape: 'triangle-up', color: ORANGE}},
        encoding: {x: Object.assign({}, x, {field: 'middle'}), y: y('selectedShare')}} :
      {transform: [{filter: 'datum.selected > 0'}], mark: {type: 'rect', color: BLUE},
        encoding: {x: x, x2: {field: 'high'}, y: y('selected'), y2: {datum: 0}}};
    var all = {transform: [{filter: 'datum.all > 0'}],
      mark: {type: 'rect', color: BLUE, fillOpacity: 0.22, stroke: BLUE, strokeWidth: 1, tooltip: {content: 'data'}},
      encoding: {x: x, x2: {field: 'high'}, y: y(share ? 'allShare' : 'all'), y2: {datum: 0}}};
    return {data: {values: bins(chart)}, width: 'container', height: 200, layer: chart.chosen ? [all, solid] : [all]};
  }

  var kinds = {heat: heat, intervals: intervals, lines: lines, scatter: scatter, counts: binned, shares: binned};
  var views = {};

  function draw(chart) {
    var place = document.getElementById('plot-' + chart.id);
    var empty = (chart.rows.length === 0 && !chart.domains) || !kinds[chart.kind];
    if (!place || empty) {
      return;
    }
    var spec = kinds[chart.kind](chart);
    spec.description = chart.title + '. ' + chart.description;
    spec.config = config;
    if (views[chart.id]) {
      views[chart.id].finalize();
    }
    place.textContent = '.';
    var compiled = vegaLite.compile(spec).spec;
    place.textContent = '';
    place.hidden = false;
    views[chart.id] = new vega.View(vega.parse(compiled, null, {ast: true}), {
      expr: vega.expressionInterpreter, renderer: 'svg', container: place, hover: false, logLevel: vega.Warn
    });
    return views[chart.id].runAsync().then(function () {
      var wide = place.scrollWidth > place.clientWidth + 1;
      if (wide) {
        place.tabIndex = 0;
        place.setAttribute('role', 'region');
        place.setAttribute('aria-label', chart.title);
      }
    });
  }

  function filter() {
    var picked = Number(select.value);
    charts.filter(function (c) { return c.domains; }).forEach(draw);
    document.querySelectorAll('[data-domain]').forEach(function (element) {
      var own = Number(element.dataset.domain);
      element.hidden = picked >= 0 && own !== picked && !(own < 0 && element.tagName === 'TR');
    });
  }

  var drawn = charts.map(draw);
  if (select) {
    select.addEventListener('change', filter);
    if (select.value !== '-1') {
      filter();
    }
  }
  Promise.all(drawn).then(function () { document.documentElement.dataset.drawn = 'yes'; });
})();
