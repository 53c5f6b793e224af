// SPDX-License-Identifier: BSD-3-Clause

// Much of the C++ and C libraries, with output that depends on nothing but them.

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <locale>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>
#include <unordered_map>
#include <vector>

extern "C" {
#include <fnmatch.h>
#include <iconv.h>
#include <regex.h>
#include <search.h>
#include <setjmp.h>
#include <wchar.h>
}

struct Base {
	virtual ~Base() {}
	virtual int f(int x) { return x + 1; }
};
struct Left : virtual Base {
	int f(int x) override { return x * 2; }
};
struct Right : virtual Base {
	int y = 5;
};
struct Both : Left, Right {
	int f(int x) override
	{
		if (x % 3 == 0)
			throw std::out_of_range("f(" + std::to_string(x) + ")");
		return x + y;
	}
};

static int depth(int n)
{
	std::string s(n, 'x');
	try {
		if (n == 0)
			throw std::runtime_error("bottom");
		return depth(n - 1) + s.size();
	} catch (const std::runtime_error &e) {
		if (n % 2)
			throw;
		throw std::logic_error(std::string(e.what()) + s);
	} catch (const std::logic_error &e) {
		std::throw_with_nested(std::runtime_error(e.what() + std::to_string(n)));
	}
}

static void exceptions()
{
	std::unique_ptr<Base> p(new Both);
	for (int i = 0; i < 9; i++) {
		try {
			std::cout << p->f(i) << ' ';
		} catch (const std::exception &e) {
			std::cout << e.what() << ' ';
		}
	}
	std::cout << (dynamic_cast<Right *>(p.get()) != nullptr) << '\n';
	for (int i = 0; i < 6; i++) {
		try {
			depth(i);
		} catch (const std::exception &e) {
			std::cout << e.what() << ' ' << typeid(e).name() << '\n';
		}
	}
	try {
		std::vector<int>(3).at(7);
	} catch (const std::out_of_range &e) {
		std::cout << e.what() << '\n';
	}
	try {
		std::stoi("zz");
	} catch (const std::invalid_argument &e) {
		std::cout << e.what() << '\n';
	}
}

static void streams()
{
	std::ostringstream o;
	o << std::setw(12) << std::hex << std::showbase << 255 << std::oct << 8 << std::dec << ' ' << std::fixed
	  << std::setprecision(3) << 3.14159 << std::scientific << 2.5e100 << ' ' << std::boolalpha << true << ' '
	  << std::put_time(std::gmtime(std::vector<time_t>{86400 * 365}.data()), "%F %T %A") << ' '
	  << std::quoted("a \"b\"") << std::setfill('*') << std::left << std::setw(10) << "left";
	std::cout << o.str() << '\n';
	std::istringstream in("12 0x1f 3.5e3 word true 77x");
	int a, b, c;
	double d;
	std::string w;
	bool t;
	in >> a >> std::hex >> b >> std::dec >> d >> w >> std::boolalpha >> t >> c;
	std::cout << a << ' ' << b << ' ' << d << ' ' << w << ' ' << t << ' ' << c << ' ' << in.rdstate() << '\n';
	struct group : std::numpunct<char> {
		char do_thousands_sep() const override { return '\''; }
		std::string do_grouping() const override { return "\3"; }
	};
	o.str("");
	o.imbue(std::locale(std::locale::classic(), new group));
	o << 123456789 << ' ' << 1234567.25;
	std::cout << o.str() << '\n';
	try {
		std::istringstream bad("q");
		bad.exceptions(std::ios::failbit);
		bad >> a;
	} catch (const std::ios_base::failure &) {
		std::cout << "failure\n";
	}
}

static void containers()
{
	std::map<std::string, int> m;
	std::unordered_map<std::string, std::vector<int>> u;
	std::istringstream in("the quick brown fox jumps over the lazy dog and the cat");
	for (std::istream_iterator<std::string> i(in), e; i != e; ++i) {
		m[*i]++;
		u[*i].push_back(m[*i]);
	}
	for (const auto &[k, v] : m)
		std::cout << k << '=' << v << '/' << u[k].size() << ' ';
	std::vector<std::function<int(int)>> fs;
	for (int i = 0; i < 5; i++)
		fs.push_back([i](int x) { return x * i + 1; });
	std::sort(fs.begin(), fs.end(), [](auto &a, auto &b) { return a(3) > b(3); });
	for (auto &f : fs)
		std::cout << f(10) << ' ';
	std::cout << '\n';
	std::regex r("([a-z]+)@([a-z]+)\\.(com|org)");
	std::string s = "joe@example.com, ann@site.org, no@body.net";
	for (std::sregex_iterator i(s.begin(), s.end(), r), e; i != e; ++i)
		std::cout << (*i)[1] << " at " << (*i)[2] << ' ';
	std::cout << std::regex_replace(s, r, "<$2:$1>") << '\n';
}

static void threads()
{
	std::mutex m;
	std::condition_variable c;
	int turn = 0, sum = 0;
	std::vector<std::thread> ts;
	for (int i = 0; i < 6; i++)
		ts.emplace_back([&, i] {
			std::unique_lock<std::mutex> l(m);
			c.wait(l, [&] { return turn == i; });
			try {
				if (i % 2)
					throw i;
				sum += i;
			} catch (int x) {
				sum += 100 * x;
			}
			turn++;
			c.notify_all();
		});
	for (auto &t : ts)
		t.join();
	std::cout << sum << '\n';
}

static int byValue(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void visit(const void *p, VISIT v, int level)
{
	if (v == postorder || v == leaf)
		printf("%d@%d ", **(int *const *)p, level);
}

static void c_library()
{
	int v[50];
	for (int i = 0; i < 50; i++)
		v[i] = i * 7919 % 101;
	qsort(v, 50, sizeof *v, byValue);
	int key = v[17];
	printf("%d %d %p\n", v[0], *(int *)bsearch(&key, v, 50, sizeof *v, byValue), (void *)0);
	void *root = 0;
	for (int i = 0; i < 20; i++)
		tsearch(&v[i * 7 % 20], &root, byValue);
	twalk(root, visit);
	printf("\n%-8.3f|%+e|%#x|%05d\n", 2.5, 1e10, 255, -42);
	printf("%2$s %1$d %3$.*4$f\n", 42, "pos", 3.14159, 2);
	wchar_t ws[64];
	swprintf(ws, 64, L"%ls %d %.3g", L"wide", 7, 0.1);
	printf("%ls\n", ws);
	regex_t re;
	regmatch_t rm[3];
	regcomp(&re, "(b+)(c|d)*", REG_EXTENDED);
	printf("%d %d %d\n", regexec(&re, "aabbbcdcd", 3, rm, 0), (int)rm[1].rm_so, (int)rm[2].rm_eo);
	regfree(&re);
	printf("%d %d\n", fnmatch("*.[ch]", "x.c", 0), fnmatch("a?c*", "abd", 0));
	int a;
	double d;
	char buf[32];
	printf("%d", sscanf("17 2.5e3 word", "%d %lf %31s", &a, &d, buf));
	printf(" %d %g %s %g\n", a, d, buf, strtod("0x1.8p3", 0));
	char in[] = "na\xc3\xafve", out[64], *ip = in, *op = out;
	size_t il = strlen(in), ol = sizeof out;
	iconv_t ic = iconv_open("UTF-16LE", "UTF-8");
	if (ic != (iconv_t)-1) {
		printf("%zu %zu\n", iconv(ic, &ip, &il, &op, &ol), ol);
		iconv_close(ic);
	}
	FILE *f = tmpfile();
	if (f) {
		for (int i = 0; i < 1000; i++)
			fprintf(f, "%d:%x\n", i, i * i);
		rewind(f);
		long sum = 0;
		for (int i; fscanf(f, "%d:%x\n", &i, (unsigned *)&a) == 2;)
			sum += i ^ a;
		printf("%ld\n", sum);
		fclose(f);
	}
	jmp_buf env;
	volatile int n = 0;
	if (setjmp(env) < 3)
		longjmp(env, ++n);
	printf("%d\n", n);
	fflush(stdout);
}

int main()
{
	for (int i = 0; i < 3; i++) {
		exceptions();
		streams();
		containers();
		threads();
		std::cout.flush();
		c_library();
	}
	return 0;
}
