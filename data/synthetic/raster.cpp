// From shapes to layers: the head as a mesh with a depth buffer, the rest as ellipsoids solved per pixel.
#include <algorithm>
#include <cmath>

#include "data/synthetic/head.h"

namespace fr::synthetic {
namespace {

constexpr int kColumns = 33, kRows = 46;

struct Column {
  float sine, cosine, front;  // of the angle around the head; how much of the relief there is
};

// Angles from -105 to 105 degrees, denser in front.
const std::array<Column, kColumns>& columns() {
  static const auto table = [] {
    std::array<Column, kColumns> c{};
    for (int i = 0; i < kColumns; ++i) {
      const double t = 2.0 * i / (kColumns - 1) - 1,
                   angle = (0.6 * t + 0.4 * t * t * t) * 105 * 3.14159265 / 180;
      const double f = std::clamp(2.5 * std::cos(angle), 0.0, 1.0);
      c[i] = {static_cast<float>(std::sin(angle)), static_cast<float>(std::cos(angle)),
              static_cast<float>(f * f * (3 - 2 * f))};
    }
    return c;
  }();
  return table;
}

struct Vertex {
  float x, y, z, nx, ny, nz;  // screen position and direction
};

struct Mesh {
  std::array<Vec3, kColumns * kRows> point;
  std::array<Vertex, kColumns * kRows> vertex;
};

void build(const Head& head, Mesh& mesh) {
  for (int r = 0; r < kRows; ++r) {
    const float t = static_cast<float>(r) / (kRows - 1), y = head.top + (head.chin + 0.8f - head.top) * t;
    const float width = head.width(y), back = head.back(y), front = head.front(y);
    for (int c = 0; c < kColumns; ++c) {
      const Column& k = columns()[c];
      const float x = width * k.sine;
      float z = back + (front - back) * k.cosine;
      if (k.front > 0 && y > -24) z += k.front * head.relief(x, y);
      mesh.point[r * kColumns + c] = {x, y, z};
    }
  }
}

void project(const View& view, Mesh& mesh) {
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) {
      const int i = r * kColumns + c;
      const Vec3 u = mesh.point[c + 1 < kColumns ? i + 1 : i] - mesh.point[c > 0 ? i - 1 : i];
      const Vec3 v = mesh.point[r + 1 < kRows ? i + kColumns : i] - mesh.point[r > 0 ? i - kColumns : i];
      const Vec3 n =
          view.turn(normalised({u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x}));
      const Vec3 p = view.to_screen(mesh.point[i]);
      mesh.vertex[i] = {p.x, p.y, p.z, n.x, n.y, n.z};
    }
  }
}

// A triangle whose corners turn the same way as (1,0), (0,1) on the screen; the others face away and are skipped. The
// weights of b and c are linear in the pixel, so they step along rows and columns.
void draw_triangle(const Vertex& a, const Vertex& b, const Vertex& c, Layers& out) {
  const float bx = b.x - a.x, by = b.y - a.y, cx = c.x - a.x, cy = c.y - a.y;
  const float area = bx * cy - by * cx;
  if (area <= 1e-6f) return;
  const float left = std::max(0.0f, std::min(a.x, std::min(b.x, c.x)));
  const float right = std::min(out.size - 1.0f, std::max(a.x, std::max(b.x, c.x)));
  const float upper = std::max(0.0f, std::min(a.y, std::min(b.y, c.y)));
  const float lower = std::min(out.size - 1.0f, std::max(a.y, std::max(b.y, c.y)));
  if (left > right || upper > lower) return;
  const int x0 = static_cast<int>(left + 0.9999f), x1 = static_cast<int>(right);
  const int y0 = static_cast<int>(upper + 0.9999f), y1 = static_cast<int>(lower);
  if (x0 > x1 || y0 > y1) return;
  const float inverse = 1 / area, b_x = cy * inverse, b_y = -cx * inverse, c_x = -by * inverse,
              c_y = bx * inverse;
  for (int y = y0; y <= y1; ++y) {
    float wb = (x0 - a.x) * b_x + (y - a.y) * b_y, wc = (x0 - a.x) * c_x + (y - a.y) * c_y;
    for (int x = x0; x <= x1; ++x, wb += b_x, wc += c_x) {
      const float wa = 1 - wb - wc;
      if (std::min(wa, std::min(wb, wc)) < -1e-4f) continue;
      const int i = y * out.size + x;
      const float z = wa * a.z + wb * b.z + wc * c.z;
      if (z <= out.depth[i]) continue;
      out.depth[i] = z, out.material[i] = Material::skin;
      out.nx[i] = wa * a.nx + wb * b.nx + wc * c.nx;
      out.ny[i] = wa * a.ny + wb * b.ny + wc * c.ny;
      out.nz[i] = wa * a.nz + wb * b.nz + wc * c.nz;
    }
  }
}

}  // namespace

void Layers::reset(int pixels_a_side) {
  size = pixels_a_side;
  const size_t n = static_cast<size_t>(size) * size;
  depth.assign(n, -1e9f), nx.assign(n, 0), ny.assign(n, 0), nz.assign(n, 1);
  material.assign(n, Material::none);
}

void draw_head(const Head& head, const View& view, Layers& layers) {
  thread_local Mesh mesh;
  build(head, mesh);
  project(view, mesh);
  for (int r = 0; r + 1 < kRows; ++r) {
    for (int c = 0; c + 1 < kColumns; ++c) {
      const Vertex* v = &mesh.vertex[r * kColumns + c];
      draw_triangle(v[0], v[1], v[kColumns], layers);
      draw_triangle(v[1], v[kColumns + 1], v[kColumns], layers);
    }
  }
}

// With u = (p - centre) / radius the surface is |u| = 1 and a view ray is u = u0 + t d, d the view direction in the
// same scale: t = (-d.u0 +- sqrt(q)) / d.d with q = (d.u0)^2 - d.d (u0.u0 - 1); the larger t is nearer. u0 is linear in
// the pixel. The near wall is in front of what is there (t' = depth / scale) when w = d.d t' + d.u0 < sqrt(q): most
// pixels are refused without a square root.
void draw_ellipsoid(const Ellipsoid& e, const View& view, Keep keep, const void* context, Layers& out) {
  const Vec3 inverse{1 / e.radius.x, 1 / e.radius.y, 1 / e.radius.z};
  const Vec3 d = view.rotation[2] * inverse, centre = view.to_screen(e.centre);
  const float dd = dot(d, d), to_t = 1 / dd, last = static_cast<float>(out.size - 1),
              depth_to_w = dd / view.scale;
  const auto reach = [&](Vec3 row) {
    const Vec3 v = row * e.radius;
    return view.scale * std::sqrt(dot(v, v));
  };
  const float rx = reach(view.rotation[0]), ry = reach(view.rotation[1]);
  const int x0 = static_cast<int>(std::max(0.0f, centre.x - rx)),
            x1 = static_cast<int>(std::min(last, centre.x + rx));
  const int y0 = static_cast<int>(std::max(0.0f, centre.y - ry)),
            y1 = static_cast<int>(std::min(last, centre.y + ry));
  const Vec3 step = view.rotation[0] * inverse * (1 / view.scale);
  const float du_step = dot(d, step);
  thread_local std::vector<float> q_row, w_row;
  q_row.resize(out.size), w_row.resize(out.size);
  float *q = q_row.data(), *w = w_row.data();
  for (int y = y0; y <= y1; ++y) {
    const Vec3 start = (view.to_head(static_cast<float>(x0), static_cast<float>(y), 0) - e.centre) * inverse;
    const float du_start = dot(d, start);
    const float* depth = &out.depth[y * out.size];
#pragma omp simd
    for (int x = x0; x <= x1; ++x) {
      const float k = static_cast<float>(x - x0), du = du_start + k * du_step;
      const float ux = start.x + k * step.x, uy = start.y + k * step.y, uz = start.z + k * step.z;
      q[x] = du * du - dd * (ux * ux + uy * uy + uz * uz - 1);
      w[x] = depth[x] * depth_to_w + du;
    }
    for (int x = x0; x <= x1; ++x) {
      if (q[x] <= 0 || (w[x] > 0 && w[x] * w[x] >= q[x])) continue;
      const float k = static_cast<float>(x - x0), root = std::sqrt(q[x]), du = du_start + k * du_step;
      const int i = y * out.size + x;
      for (float side : {1.0f, -1.0f}) {
        const float t = (side * root - du) * to_t;
        if (t * view.scale <= out.depth[i]) break;
        const Vec3 u = start + step * k + d * t;
        if (keep != nullptr && !keep(context, e.centre + u * e.radius)) continue;
        const Vec3 n = view.turn(normalised(u * inverse * side));
        out.depth[i] = t * view.scale, out.material[i] = e.material;
        out.nx[i] = n.x, out.ny[i] = n.y, out.nz[i] = n.z;
        break;
      }
    }
  }
}

}  // namespace fr::synthetic
