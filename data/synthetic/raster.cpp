// From shapes to layers: the head as a mesh with a depth buffer, the rest as ellipsoids solved per pixel. Both go four
// pixels of a row at a time. The last group of a row may overlap the one before it: what is drawn twice does not pass
// the depth test the second time.
#include <algorithm>
#include <cmath>

#include "data/synthetic/head.h"

namespace fr::synthetic {
namespace {

constexpr int kColumns = 28, kRows = 40;  // quads of about 3 x 3.5 pixels of the 112 template
constexpr int kStride = kColumns + 2;     // a copy of each end stands beside a row
static_assert(kColumns % 4 == 0);

// Of the angle around the head; `front` is how much of the relief there is.
struct Columns {
  std::array<float, kColumns> sine, cosine, front;
};

// Angles from -105 to 105 degrees, denser in front.
const Columns& columns() {
  static const Columns table = [] {
    Columns k{};
    for (int i = 0; i < kColumns; ++i) {
      const double t = 2.0 * i / (kColumns - 1) - 1,
                   angle = (0.6 * t + 0.4 * t * t * t) * 105 * 3.14159265 / 180;
      const double f = std::clamp(2.5 * std::cos(angle), 0.0, 1.0);
      k.sine[i] = static_cast<float>(std::sin(angle)), k.cosine[i] = static_cast<float>(std::cos(angle));
      k.front[i] = static_cast<float>(f * f * (3 - 2 * f));
    }
    return k;
  }();
  return table;
}

struct Vertex {
  float x, y, z, nx, ny, nz;  // screen position and direction
};

struct Mesh {
  std::array<float, kRows> y;
  std::array<float, kRows * kStride> x, z;
  std::array<Vertex, kColumns * kRows> vertex;
};

void build(const Head& head, Mesh& mesh) {
  const Columns& k = columns();
  for (int r = 0; r < kRows; ++r) {
    const float t = static_cast<float>(r) / (kRows - 1), y = head.top + (head.chin + 0.8f - head.top) * t;
    const float width = head.width(y), back = head.back(y), front = head.front(y);
    float *row_x = &mesh.x[r * kStride], *row_z = &mesh.z[r * kStride];
    for (int c = 0; c < kColumns; c += 4) {
      const Lanes x = width * load(&k.sine[c]);
      Lanes z = back + (front - back) * load(&k.cosine[c]);
      if (y > -24) z = z + load(&k.front[c]) * head.relief(x, y);
      store(row_x + 1 + c, x), store(row_z + 1 + c, z);
    }
    mesh.y[r] = y;
    row_x[0] = row_x[1], row_x[kStride - 1] = row_x[kStride - 2];
    row_z[0] = row_z[1], row_z[kStride - 1] = row_z[kStride - 2];
  }
}

// Normals are the cross products of the differences along the row, which have no y, and along the column.
void project(const View& view, Mesh& mesh) {
  for (int r = 0; r < kRows; ++r) {
    const int above = std::max(r - 1, 0), below = std::min(r + 1, kRows - 1);
    const float vy = mesh.y[below] - mesh.y[above];
    for (int c = 0; c < kColumns; c += 4) {
      const int i = r * kStride + 1 + c, a = above * kStride + 1 + c, b = below * kStride + 1 + c;
      const Lanes ux = load(&mesh.x[i + 1]) - load(&mesh.x[i - 1]);
      const Lanes uz = load(&mesh.z[i + 1]) - load(&mesh.z[i - 1]);
      const Lanes vx = load(&mesh.x[b]) - load(&mesh.x[a]), vz = load(&mesh.z[b]) - load(&mesh.z[a]);
      const Lanes3 n = view.turn(normalised(Lanes3{-uz * vy, uz * vx - ux * vz, ux * vy}));
      const Lanes3 p = view.to_screen(Lanes3{load(&mesh.x[i]), mesh.y[r], load(&mesh.z[i])});
      for (int k = 0; k < 4; ++k) {
        mesh.vertex[r * kColumns + c + k] = {p.x.v[k], p.y.v[k], p.z.v[k], n.x.v[k], n.y.v[k], n.z.v[k]};
      }
    }
  }
}

// A triangle whose corners turn the same way as (1,0), (0,1) on the screen; the others face away and are skipped. The
// weights of b and c are linear in the pixel. Most triangles are less than four pixels wide: one group a row.
void draw_triangle(const Vertex& a, const Vertex& b, const Vertex& c, Layers& out) {
  const float bx = b.x - a.x, by = b.y - a.y, cx = c.x - a.x, cy = c.y - a.y;
  const float area = bx * cy - by * cx;
  if (area <= 1e-6f) return;
  float *depth = out.depth.data(), *nx = out.nx.data(), *ny = out.ny.data(), *nz = out.nz.data();
  // x and y of the box around it, in the first two lanes.
  const Lanes pa = load(&a.x), pb = load(&b.x), pc = load(&c.x);
  const Ints first = to_int(positive(min(pa, min(pb, pc))) + 0.9999f);
  const Ints last = to_int(min(max(pa, max(pb, pc)), out.size - 1.0f));
  const float inverse = 1 / area, b_x = cy * inverse, b_y = -cx * inverse, c_x = -by * inverse,
              c_y = bx * inverse;
  for (int y = first[1], x1 = last[0]; y <= last[1]; ++y) {
    const float dy = y - a.y, b_row = dy * b_y, c_row = dy * c_y;
    for (int x = first[0]; x <= x1; x += 4) {
      const int group = std::min(x, out.size - 4), i = y * out.size + group;
      const Lanes dx = (group - a.x) + steps(), wb = dx * b_x + b_row, wc = dx * c_x + c_row,
                  wa = 1 - wb - wc;
      const Lanes z = wa * a.z + wb * b.z + wc * c.z;
      const Mask drawn = (min(wa, min(wb, wc)) >= -1e-4f) & (z > load(depth + i));
      if (!any(drawn)) continue;
      store_where(drawn, depth + i, z);
      store_where(drawn, nx + i, wa * a.nx + wb * b.nx + wc * c.nx);
      store_where(drawn, ny + i, wa * a.ny + wb * b.ny + wc * c.ny);
      store_where(drawn, nz + i, wa * a.nz + wb * b.nz + wc * c.nz);
    }
  }
}

constexpr float kFar = -1e9f;

}  // namespace

void Layers::reset(int pixels_a_side) {
  size = pixels_a_side;
  const size_t n = static_cast<size_t>(size) * size;
  depth.assign(n, kFar), material.assign(n, Material::none);
  nx.resize(n), ny.resize(n), nz.resize(n);
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
  for (size_t i = 0; i < layers.depth.size(); i += 4) {
    const size_t group = std::min(i, layers.depth.size() - 4);
    layers.set_material(group, load(&layers.depth[group]) > kFar, Material::skin);
  }
}

// With u = (p - centre) / radius the surface is |u| = 1 and a view ray is u = u0 + t d, d the view direction in the
// same scale: t = (-d.u0 +- sqrt(q)) / d.d with q = (d.u0)^2 - d.d (u0.u0 - 1); the larger t is nearer. u0 is linear in
// the pixel. The near wall is in front of what is there (t' = depth / scale) when w = d.d t' + d.u0 < sqrt(q): most
// pixels are refused without a square root.
void draw_ellipsoid(const Ellipsoid& e, const View& view, Keep keep, const void* context, Layers& out) {
  const Vec3 inverse{1 / e.radius.x, 1 / e.radius.y, 1 / e.radius.z};
  const Vec3 d = view.rotation[2] * inverse, centre = view.to_screen(e.centre);
  const float last = static_cast<float>(out.size - 1);
  const auto reach = [&](Vec3 row) {
    const Vec3 v = row * e.radius;
    return view.scale * std::sqrt(dot(v, v));
  };
  const float rx = reach(view.rotation[0]), ry = reach(view.rotation[1]);
  const int x0 = static_cast<int>(std::max(0.0f, centre.x - rx)),
            x1 = static_cast<int>(std::min(last, centre.x + rx));
  const int y0 = static_cast<int>(std::max(0.0f, centre.y - ry)),
            y1 = static_cast<int>(std::min(last, centre.y + ry));
  const Lanes3 step = view.rotation[0] * inverse * (1 / view.scale), d4 = d, inverse4 = inverse;
  const Lanes du_step = dot(d4, step), dd = dot(d, d), to_t = 1 / dd, scale = view.scale,
              depth_to_w = dd / scale;
  for (int y = y0; y <= y1; ++y) {
    const Vec3 start = (view.to_head(0, static_cast<float>(y), 0) - e.centre) * inverse;
    const Lanes du_start = dot(d, start);
    for (int x = x0; x <= x1; x += 4) {
      const int group = std::min(x, out.size - 4), i = y * out.size + group;
      const Lanes column = static_cast<float>(group) + steps(), du = du_start + column * du_step;
      const Lanes3 u0 = start + step * column;
      const Lanes q = du * du - dd * (dot(u0, u0) - 1), w = load(&out.depth[i]) * depth_to_w + du;
      Mask open = (q > 0) & ((w <= 0) | (w * w < q));
      if (!any(open)) continue;
      const Lanes root = sqrt(positive(q));
      for (const float side : {1.0f, -1.0f}) {
        const Lanes t = (side * root - du) * to_t, z = t * scale;
        open = open & (z > load(&out.depth[i]));
        if (!any(open)) break;
        const Lanes3 u = u0 + d4 * t;
        const Mask kept = keep == nullptr ? open : open & keep(context, e.centre + u * e.radius);
        if (any(kept)) {
          const Lanes3 n = view.turn(normalised(u * inverse4 * side));
          store_where(kept, &out.depth[i], z), out.set_material(i, kept, e.material);
          store_where(kept, &out.nx[i], n.x), store_where(kept, &out.ny[i], n.y);
          store_where(kept, &out.nz[i], n.z);
        }
        open = open & !kept;
      }
    }
  }
}

}  // namespace fr::synthetic
